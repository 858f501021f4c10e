"""Checks for the exercises of chapter 01."""

EXERCISES = ()
