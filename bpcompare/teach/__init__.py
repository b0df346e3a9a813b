"""For teaching and learning: exercises, graded homework, numbers that a person typed, and the proof on symbols."""
