"""Checks for the exercises of chapter 03."""

EXERCISES = ()
