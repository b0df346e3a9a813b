"""Homework, graded: submissions run in processes of their own, and only their numbers are judged, here."""

from bpcompare.teach.grading.formats import FORMATS
from bpcompare.teach.grading.grade import Grade, GradingError, Part, grade

__all__ = ["FORMATS", "Grade", "GradingError", "Part", "grade"]
