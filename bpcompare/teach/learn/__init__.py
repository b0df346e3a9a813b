"""Exercises: the four steps of backpropagation as blanks to be filled in, each checked on its own."""

from bpcompare.teach.learn.blanks import Exercise, ExerciseError, exercise

__all__ = ["Exercise", "ExerciseError", "exercise"]
