"""Property tests run on shared machines: no test fails for being slow once."""

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
