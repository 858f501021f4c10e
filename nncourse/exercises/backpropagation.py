"""Checks for the exercises of chapter 04."""

EXERCISES = ()
