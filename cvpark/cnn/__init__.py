"""Training of the CNN and its conversion to TFLite (extra: cnn).

The names are those of ``__init__.pyi``, each loaded when it is first asked for: the command line
lists the options of a training without loading anything else.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
