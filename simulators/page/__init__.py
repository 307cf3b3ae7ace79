"""One HTML page with tables and plots, in one file that needs nothing else.

For reports that are mailed, kept with a build or opened in years: no script, no reference to
anything outside, light and dark, readable on a phone and in print.
"""

from .page import Cell, Mark, Page, Tone
from .plot import Series

__all__ = ["Cell", "Mark", "Page", "Series", "Tone"]
