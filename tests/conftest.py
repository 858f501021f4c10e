"""What all tests share: figures without a screen, and the same examples in every run."""

import matplotlib
from hypothesis import settings

matplotlib.use("agg")
settings.register_profile("nncourse", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("nncourse")

collect_ignore = ["golden"]  # its generator needs PyTorch, which the tests do not
