"""The package's version: that of the library that it comes with."""

__version__ = "0.1.0"
