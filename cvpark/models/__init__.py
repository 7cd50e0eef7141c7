"""Everything with predict_proba(patches).

The names are those of ``__init__.pyi``, each loaded when it is first asked for: a model file is
opened and used without scikit-learn, with which it was trained.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
