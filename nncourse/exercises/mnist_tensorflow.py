"""Checks for the exercises of chapter 08."""

EXERCISES = ()
