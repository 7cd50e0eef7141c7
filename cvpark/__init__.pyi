from .datasets import Dataset as Dataset
from .datasets import Split as Split
from .datasets import read_image as read_image
from .datasets import sample_path as sample_path
from .evaluation import compare as compare
from .features import ColorHistogramExtractor as ColorHistogramExtractor
from .features import ColorMomentsExtractor as ColorMomentsExtractor
from .features import Descriptor as Descriptor
from .features import FeatureStore as FeatureStore
from .features import HOGExtractor as HOGExtractor
from .features import LBPExtractor as LBPExtractor
from .models import load_estimator as load_estimator
from .models import load_model as load_model
from .models import train as train

__version__: str
