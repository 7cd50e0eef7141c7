"""The contract of every extractor: parameters, shapes, names."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from ._calls import KernelCall
from ._patches import check_images, for_each_slice


class BaseExtractor(TransformerMixin, BaseEstimator, metaclass=ABCMeta):
    """Base of the extractors: RGB patches of one size in, one descriptor a row out.

    A subclass names the function that turns its parameters into a kernel call (`_plan`) and says
    what the columns are (`_feature_names`). Everything else is here.

    Examples
    --------
    >>> from cvpark.features import LBPExtractor
    >>> images = np.zeros((2, 64, 64, 3), np.uint8)
    >>> extractor = LBPExtractor(grid=2, n_jobs=2).fit(images)
    >>> extractor.transform(images).shape
    (2, 40)
    >>> extractor.get_feature_names_out()[0], extractor.kernel_parameters()["grid"]
    ('lbp_cell0_0_code0', 2)
    """

    #: Called as ``plan(height, width, **parameters)``; raises TypeError or ValueError.
    _plan: Callable[..., KernelCall]
    n_jobs: int | None

    @abstractmethod
    def _feature_names(self, height: int, width: int) -> list[str]:
        """What each column is, without the extractor's name."""

    def fit(self, X: NDArray[np.uint8], y: Any = None) -> Self:
        """Check the parameters and note the size of the images; no pixel is learned from.

        Parameters
        ----------
        X : ndarray of uint8, shape (n_samples, height, width, 3)
            RGB images.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        TypeError, ValueError
            Images that are not uint8 RGB, parameters out of range, or images too small for them.
        """
        shape = check_images(X).shape[1:]
        self._call = type(self)._plan(*shape[:2], **self.kernel_parameters())
        self.image_shape_ = shape
        self.n_features_out_ = self._call.n_features
        return self

    def kernel_parameters(self) -> dict[str, Any]:
        """The parameters a descriptor depends on: all but ``n_jobs``."""
        parameters: dict[str, Any] = self.get_params(deep=False)
        del parameters["n_jobs"]
        return parameters

    def transform(self, X: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Descriptors of images.

        Parameters
        ----------
        X : ndarray of uint8, shape (n_samples, height, width, 3)
            RGB images of the size seen by `fit`.

        Returns
        -------
        ndarray of float32, shape (n_samples, n_features)
            The same bits for any number of threads.

        Raises
        ------
        TypeError, ValueError
            Images that are not uint8 RGB, or of another size than those of `fit`.
        """
        check_is_fitted(self)
        images = check_images(X)
        if images.shape[1:] != self.image_shape_:
            raise ValueError(
                f"got images of shape {images.shape[1:]}, but {type(self).__name__} was fitted on "
                f"{self.image_shape_}: resize them (cvpark.features.resize_patches) or fit again"
            )
        out = np.empty((len(images), self.n_features_out_), np.float32)
        for_each_slice(lambda part: self._call(images[part], out[part]), len(images), self.n_jobs)
        return out

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Name every column of the descriptor, such as ``hog_block0_0_cell1_1_orientation8``.

        Parameters
        ----------
        input_features : ignored
            There for scikit-learn; pixels have no names.

        Returns
        -------
        ndarray of str objects, shape (n_features,)
        """
        check_is_fitted(self)
        height, width, _ = self.image_shape_
        return np.array(self._feature_names(height, width), dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True  # four dimensions, for which there is no tag
        return tags
