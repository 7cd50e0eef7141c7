"""Scikit-learn transformers over the kernels: patches in, descriptors out.

The names are those of ``__init__.pyi``, each loaded when it is first asked for: a compiled model
needs the kernel calls alone and does not wait for scikit-learn.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
