"""Every displayed equation of the book is read, evaluated and damaged: see README.md."""

from .chapter import Chapter
from .environment import draws, given, row

__all__ = ["Chapter", "draws", "given", "row"]
