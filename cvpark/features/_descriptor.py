"""The declared combination of extractors a model is trained on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from ._base import BaseExtractor
from ._color import ColorHistogramExtractor
from ._hog import HOGExtractor
from ._lbp import LBPExtractor
from ._moments import ColorMomentsExtractor
from ._patches import Patches, for_each_slice, resize_patches

EXTRACTORS: dict[str, type[BaseExtractor]] = {
    "hog": HOGExtractor,
    "lbp": LBPExtractor,
    "color": ColorHistogramExtractor,
    "moments": ColorMomentsExtractor,
}


def default_extractors() -> list[BaseExtractor]:
    """What the shipped models look at; benchmarks/ACCURACY.md says what else was tried.

    Felzenszwalb's HOG in cells of 8 and of 16 pixels, LBP by the eight neighbours and colour
    moments.

    Examples
    --------
    >>> [type(extractor).__name__ for extractor in default_extractors()][2:]
    ['ColorMomentsExtractor']
    """
    return [
        HOGExtractor(variant="fhog", channel="gray", levels=2),
        LBPExtractor(neighbors="pixels"),
        ColorMomentsExtractor(),
    ]


class Descriptor(TransformerMixin, BaseEstimator):
    """Patches of any size to one vector each: resize, then every extractor side by side.

    Parameters
    ----------
    extractors : sequence of str or extractor, optional
        Names out of ``hog``, ``lbp``, ``color``, ``moments``, each with its defaults, or
        extractors.
        By default those of the shipped models, see `default_extractors`.
    size : int
        Side of the square working image in pixels.
    n_jobs : int or None
        Threads for a batch; None is one, -1 all cores.

    Examples
    --------
    >>> import numpy as np
    >>> patches = np.zeros((2, 150, 150, 3), np.uint8)
    >>> Descriptor(extractors=["lbp"]).fit_transform(patches).shape
    (2, 160)
    >>> descriptor = Descriptor(extractors=["lbp", "color"], size=32).fit()
    >>> descriptor.transform(patches).shape
    (2, 544)
    """

    def __init__(
        self,
        *,
        extractors: Sequence[str | BaseExtractor] | None = None,
        size: int = 48,
        n_jobs: int | None = None,
    ) -> None:
        self.extractors = extractors
        self.size = size
        self.n_jobs = n_jobs

    @classmethod
    def from_config(cls, config: dict[str, Any], *, n_jobs: int | None = None) -> Descriptor:
        """Rebuild a descriptor from what `to_config` gave.

        Parameters
        ----------
        config : dict
            ``size`` and a list ``extractors``, each with its ``kind`` and its parameters.
        n_jobs : int or None
            As for the class.

        Raises
        ------
        ValueError
            An unknown extractor or parameter.

        Examples
        --------
        >>> Descriptor.from_config({"size": 32, "extractors": [{"kind": "hog"}]}).size
        32
        """
        try:
            extractors = []
            for entry in config["extractors"]:
                parameters = {key: value for key, value in entry.items() if key != "kind"}
                extractors.append(EXTRACTORS[entry["kind"]](**parameters))
            return cls(extractors=extractors, size=int(config["size"]), n_jobs=n_jobs)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the description of a descriptor: {error}") from error

    def to_config(self) -> dict[str, Any]:
        """The descriptor as JSON-able data, every parameter spelled out.

        Examples
        --------
        >>> Descriptor(extractors=["hog"]).to_config()["extractors"][0]["orientations"]
        9
        """
        extractors = [
            {"kind": _kind(extractor)}
            # JSON knows no tuples: what is read back is to equal what was written.
            | {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in extractor.kernel_parameters().items()
            }
            for extractor in self._resolve()
        ]
        return {"size": self.size, "extractors": extractors}

    def fit(self, X: Patches | None = None, y: Any = None) -> Descriptor:
        """Check the parameters; nothing is learned from ``X``.

        Parameters
        ----------
        X : ignored
            There for scikit-learn.
        y : ignored

        Raises
        ------
        ValueError
            No extractor, an unknown one, or parameters that do not fit the working size.
        """
        self.extractors_ = self._resolve()
        blank = np.zeros((1, self.size, self.size, 3), np.uint8)
        widths = [part.fit(blank).transform(blank).shape[1] for part in self.extractors_]
        self._stops = np.cumsum(widths)
        self.n_features_out_ = int(self._stops[-1])
        return self

    def _resolve(self) -> list[BaseExtractor]:
        parts = []
        names = ", ".join(EXTRACTORS)
        for extractor in default_extractors() if self.extractors is None else self.extractors:
            if not isinstance(extractor, str):
                parts.append(clone(extractor))
            elif extractor in EXTRACTORS:
                parts.append(EXTRACTORS[extractor]())
            else:
                raise ValueError(f"no extractor {extractor!r}; there are: {names}")
        if not parts:
            raise ValueError(f"a descriptor needs at least one extractor of {names}")
        return parts

    def transform(self, X: Patches) -> NDArray[np.float32]:
        """Descriptors of patches.

        Parameters
        ----------
        X : ndarray of uint8, shape (n, height, width, 3) or (height, width, 3), or sequence
            RGB patches; those in a sequence may differ in size.

        Returns
        -------
        ndarray of float32, shape (n, n_features)
        """
        check_is_fitted(self)
        images = resize_patches(X, self.size, self.n_jobs)
        out = np.empty((len(images), self.n_features_out_), np.float32)
        for_each_slice(lambda part: self._fill(images[part], out[part]), len(images), self.n_jobs)
        return out

    def _fill(self, images: NDArray[np.uint8], out: NDArray[np.float32]) -> None:
        blocks = np.split(out, self._stops[:-1], axis=1)
        for part, block in zip(self.extractors_, blocks, strict=True):
            block[:] = part.transform(images)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """What each column is, with the extractor's name in front.

        Parameters
        ----------
        input_features : ignored
            There for scikit-learn; pixels have no names.

        Returns
        -------
        ndarray of str objects, shape (n_features,)

        Examples
        --------
        >>> Descriptor(extractors=["lbp"]).fit().get_feature_names_out()[0].startswith("lbp")
        True
        """
        check_is_fitted(self)
        return np.concatenate([part.get_feature_names_out() for part in self.extractors_])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def _kind(extractor: BaseExtractor) -> str:
    for name, cls in EXTRACTORS.items():
        if type(extractor) is cls:
            return name
    raise ValueError(f"{type(extractor).__name__} is not one of {', '.join(EXTRACTORS)}")
