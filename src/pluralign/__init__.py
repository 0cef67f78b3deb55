"""pluralign: measure whom a language model speaks for, and make it speak for the people you choose.

Import from the module that owns a name, e.g. ``from pluralign.surveys import load``; this file stays light.
"""

__version__ = "0.1.0"
