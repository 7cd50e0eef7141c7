"""The TFLite model behind the surface of every model; needs no TensorFlow."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import cv2
import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from cvpark.cnn._metadata import write_metadata
from cvpark.exceptions import MissingExtraError, ModelFormatError
from cvpark.models import CNN, load_model, shipped_models
from cvpark.models._tflite import read_metadata

SHIPPED = Path(str(files("cvpark.pretrained"))) / "cnn.tflite"
_TYPES = {
    np.float32: schema.TensorType.FLOAT32,
    np.uint8: schema.TensorType.UINT8,
    np.int8: schema.TensorType.INT8,
    np.int32: schema.TensorType.INT32,
}


class TFLiteBuilder:
    """Writes TFLite models of a few operators: one dense layer and what comes after."""

    def __init__(self) -> None:
        self.buffers = [schema.BufferT()]
        self.tensors: list[schema.TensorT] = []
        self.codes: list[schema.OperatorCodeT] = []
        self.operators: list[schema.OperatorT] = []

    def tensor(self, shape, dtype=np.float32, values=None, quantisation=None) -> int:
        tensor = schema.TensorT()
        tensor.shape, tensor.type = list(shape), _TYPES[dtype]
        tensor.shapeSignature = [-1, *shape[1:]]
        tensor.name, tensor.buffer = f"t{len(self.tensors)}", 0
        if values is not None:
            tensor.shapeSignature = None
            tensor.buffer = len(self.buffers)
            self.buffers.append(schema.BufferT())
            self.buffers[-1].data = np.frombuffer(np.asarray(values, dtype).tobytes(), np.uint8)
        if quantisation is not None:
            tensor.quantization = schema.QuantizationParametersT()
            tensor.quantization.scale = [quantisation[0]]
            tensor.quantization.zeroPoint = [quantisation[1]]
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def operator(self, code, inputs, output, options_type=0, options=None) -> int:
        self.codes.append(schema.OperatorCodeT())
        self.codes[-1].builtinCode = self.codes[-1].deprecatedBuiltinCode = code
        self.codes[-1].version = 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.codes) - 1
        operator.inputs, operator.outputs = inputs, [output]
        operator.builtinOptionsType, operator.builtinOptions = options_type, options
        self.operators.append(operator)
        return output

    def finish(self, inputs: list[int], outputs: list[int]) -> bytes:
        graph = schema.SubGraphT()
        graph.tensors, graph.operators = self.tensors, self.operators
        graph.inputs, graph.outputs = inputs, outputs
        model = schema.ModelT()
        model.version, model.subgraphs = 3, [graph]
        model.operatorCodes, model.buffers = self.codes, self.buffers
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def brightness_model(
    shape=(1, 8, 6, 3), units=1, activation="sigmoid", gain=8.0, dtype=np.float32, quantisation=None
) -> bytes:
    """P(busy), the last unit, rises with the mean of the input: one half where that is one half."""
    ops, build = schema.BuiltinOperator, TFLiteBuilder()
    pixels = feed = build.tensor(shape, dtype, quantisation=quantisation)
    if dtype is not np.float32:
        feed = build.operator(ops.DEQUANTIZE, [pixels], build.tensor(shape))
    n_values = int(np.prod(shape[1:]))
    weights, bias = np.zeros((units, n_values)), np.zeros(units)
    weights[-1], bias[-1] = gain / n_values, -gain / 2
    logits = build.operator(
        ops.FULLY_CONNECTED,
        [
            feed,
            build.tensor(weights.shape, values=weights),
            build.tensor(bias.shape, values=bias),
        ],
        build.tensor((1, units)),
        schema.BuiltinOptions.FullyConnectedOptions,
        schema.FullyConnectedOptionsT(),
    )
    if activation == "sigmoid":
        out = build.operator(ops.LOGISTIC, [logits], build.tensor((1, units)))
    elif activation == "softmax":
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        out = build.operator(
            ops.SOFTMAX,
            [logits],
            build.tensor((1, units)),
            schema.BuiltinOptions.SoftmaxOptions,
            options,
        )
    else:
        out = logits
    return build.finish([pixels], [out])


def expected_busy(level: float, gain: float = 8.0) -> float:
    """What `brightness_model` says of an even patch of that level, 0 to 1."""
    return 1 / (1 + np.exp(-gain * (level - 0.5)))


@pytest.fixture(scope="module")
def shipped() -> CNN:
    return CNN.load(SHIPPED, name="cnn")


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    rng = np.random.default_rng(0)
    smooth = rng.integers(0, 256, (70, 5, 5, 3), np.uint8)
    return smooth.repeat(30, axis=1).repeat(30, axis=2)


def even(level: int, size: int = 20) -> np.ndarray:
    return np.full((size, size, 3), level, np.uint8)


def test_shipped_model_has_the_surface_of_every_model(shipped):
    assert (shipped.name, shipped.kind) == ("cnn", "cnn")
    assert shipped.classes_.tolist() == [0, 1]
    assert shipped.threshold_ == 0.5


@pytest.mark.parametrize(
    ("name", "architecture", "precision", "accuracy", "most_bytes"),
    [
        ("cnn", "tiny", "int8", 0.991, 300_000),
        ("cnn-float", "tiny", "float32", 0.991, 900_000),
        ("malexnet", "malexnet", "float32", 0.980, 150_000),
    ],
)
def test_shipped_cards_are_what_the_files_say(name, architecture, precision, accuracy, most_bytes):
    file = shipped_models()[name]
    card = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    model = load_model(name)
    assert card == model.card
    assert (card["architecture"], card["precision"]) == (architecture, precision)
    assert model.model_bytes == card["bytes"] == file.stat().st_size <= most_bytes
    assert card["validation"]["accuracy"] >= accuracy
    assert card["validation"]["n_patches"] == 18_647
    assert card["training"]["n_patches"] == 48_366
    assert card["data"]["license"] == "Open Database License v1.0"
    assert card["training_command"].startswith("cvpark cnn train")
    assert f"--arch {architecture}" in card["training_command"]
    assert card["conversion_command"].startswith("cvpark cnn convert")
    assert card["signature"]["input"]["shape"] == [-1, *2 * [card["input"]["size"]], 3]


def test_int8_loses_no_more_than_a_fifth_of_a_point():
    accuracy = {
        name: load_model(name).card["validation"]["accuracy"] for name in ("cnn", "cnn-float")
    }
    assert accuracy["cnn-float"] - accuracy["cnn"] <= 0.002


def test_probabilities_decisions_and_predictions_agree(shipped, patches):
    proba = shipped.predict_proba(patches)
    assert proba.shape == (70, 2)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    odds = shipped.decision_function(patches)
    assert np.all(np.isfinite(odds))
    np.testing.assert_array_equal(odds >= 0, proba[:, 1] >= 0.5)
    predicted = shipped.predict(patches)
    assert predicted.dtype == np.uint8
    np.testing.assert_array_equal(predicted, proba[:, 1] >= shipped.threshold_)


def test_batch_equals_singles_sequences_and_threads(shipped, patches):
    batch = shipped.predict_proba(patches)
    singles = np.concatenate([shipped.predict_proba(patch) for patch in patches])
    np.testing.assert_array_equal(batch, singles)
    np.testing.assert_array_equal(batch, shipped.predict_proba(list(patches)))
    np.testing.assert_array_equal(batch, CNN.load(SHIPPED, n_jobs=2).predict_proba(patches))


def test_any_sizes_and_layouts_and_an_untouched_input(shipped, patches):
    mixed = [patches[0], patches[1][:64, :64], patches[2][:113, :, :], patches[3][::-1]]
    before = [patch.copy() for patch in mixed]
    assert shipped.predict_proba(mixed).shape == (4, 2)
    for patch, copy in zip(mixed, before, strict=True):
        np.testing.assert_array_equal(patch, copy)
    flipped = patches[:5, ::-1, ::-1]
    np.testing.assert_array_equal(
        shipped.predict_proba(flipped), shipped.predict_proba(flipped.copy())
    )


def test_no_patches_give_no_probabilities(shipped):
    assert shipped.predict_proba([]).shape == (0, 2)
    assert shipped.predict(np.empty((0, 64, 64, 3), np.uint8)).shape == (0,)


def test_wrong_patches_are_named(shipped):
    with pytest.raises(TypeError, match="float64"):
        shipped.predict(np.zeros((2, 64, 64, 3)))
    with pytest.raises(ValueError, match="patch 0"):
        shipped.predict([np.zeros((64, 64), np.uint8)])


def test_several_threads_at_once(shipped, patches):
    expected = shipped.predict_proba(patches)
    with ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda _: shipped.predict_proba(patches), range(8)))
        singles = list(pool.map(shipped.predict_proba, patches))
    for batch in batches:
        np.testing.assert_array_equal(batch, expected)
    np.testing.assert_array_equal(np.concatenate(singles), expected)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "at_least"), [("cnn", 0.985), ("cnn-float", 0.985), ("malexnet", 0.975)]
)
def test_shipped_models_on_real_patches(name, at_least, real_data):
    from cvpark.datasets import Dataset, read_image

    split = Dataset(real_data).split("val")
    chosen = np.arange(len(split)) % 9 == 0
    part = split.select(chosen)
    predicted = load_model(name).predict([read_image(file) for file in part.files])
    assert np.mean(predicted == part.labels) >= at_least


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [(0, 1), (-1, 1), (0, 255)])
def test_float_input_of_any_size_scale_and_channels(channels, scale):
    low, high = scale
    content = brightness_model((1, 8, 6, channels), gain=8 / (high - low))
    model = CNN(content, scale=scale)
    for level in (0, 100, 255):
        value = low + level / 255 * (high - low)
        logit = 8 / (high - low) * (value - 0.5)
        busy = model.predict_proba(even(level))[0, 1]
        assert busy == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


def test_grey_is_the_luma_of_bt601():
    model = CNN(brightness_model((1, 4, 4, 1)), scale=(0, 1))
    for channel, weight in enumerate((0.299, 0.587, 0.114)):
        patch = even(0)
        patch[..., channel] = 255
        expected = expected_busy(round(255 * weight) / 255)
        assert model.predict_proba(patch)[0, 1] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("dtype", "quantisation"),
    [(np.uint8, (1 / 255, 0)), (np.int8, (1 / 255, -128))],
)
def test_scale_is_inferred_from_quantisation(dtype, quantisation):
    model = CNN(brightness_model(dtype=dtype, quantisation=quantisation))
    for level in (0, 77, 255):
        busy = model.predict_proba(even(level))[0, 1]
        assert busy == pytest.approx(expected_busy(level / 255), abs=1e-5)


def test_softmax_of_two_and_its_order():
    content = brightness_model(units=2, activation="softmax")
    busy_last = CNN(content, scale=(0, 1), busy_index=1).predict_proba(even(200))
    busy_first = CNN(content, scale=(0, 1), busy_index=0).predict_proba(even(200))
    assert busy_last[0, 1] == pytest.approx(expected_busy(200 / 255), abs=1e-5)
    np.testing.assert_allclose(busy_first, busy_last[:, ::-1], atol=1e-6)


def test_single_output_may_be_free():
    content = brightness_model()
    free = CNN(content, scale=(0, 1), busy_index=0).predict_proba(even(255))
    assert free[0, 0] == pytest.approx(expected_busy(1.0), abs=1e-5)


def test_network_that_fixes_its_batch_is_run_patch_by_patch():
    build, ops = TFLiteBuilder(), schema.BuiltinOperator
    pixels = build.tensor((1, 4, 4, 3))
    options = schema.ReshapeOptionsT()
    options.newShape = [1, 48]
    flat = build.operator(
        ops.RESHAPE,
        [pixels, build.tensor((2,), np.int32, values=[1, 48])],
        build.tensor((1, 48)),
        schema.BuiltinOptions.ReshapeOptions,
        options,
    )
    logits = build.operator(
        ops.FULLY_CONNECTED,
        [
            flat,
            build.tensor((1, 48), values=np.full((1, 48), 8 / 48)),
            build.tensor((1,), values=[-4]),
        ],
        build.tensor((1, 1)),
        schema.BuiltinOptions.FullyConnectedOptions,
        schema.FullyConnectedOptionsT(),
    )
    busy = build.operator(ops.LOGISTIC, [logits], build.tensor((1, 1)))
    model = CNN(build.finish([pixels], [busy]), scale=(0, 1))
    levels = [0, 50, 130, 255]
    for _ in range(2):
        got = model.predict_proba([even(level) for level in levels])[:, 1]
        np.testing.assert_allclose(got, [expected_busy(level / 255) for level in levels], atol=1e-5)


def test_metadata_round_trip_and_replacement():
    facts = {
        "schema_version": 1,
        "input": {"scale": [0, 1]},
        "busy_index": 0,
        "threshold": 0.25,
        "note": "Größe",
    }
    content = write_metadata(brightness_model(), {"schema_version": 0})
    content = write_metadata(content, facts)
    assert read_metadata(content) == facts
    model = CNN(content)
    assert model.threshold_ == 0.25
    assert model.card["note"] == "Größe"
    assert model.predict_proba(even(255))[0, 0] == pytest.approx(expected_busy(1.0), abs=1e-5)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (
            {"schema_version": 99, "input": {"scale": [0, 1]}, "busy_index": 1, "threshold": 0.5},
            "99",
        ),
        ({"schema_version": 1}, "damaged"),
        ([1, 2], "damaged"),
    ],
)
def test_unreadable_metadata(facts, message):
    with pytest.raises(ModelFormatError, match=message):
        CNN(write_metadata(brightness_model(), facts))


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (brightness_model((1, 12)), {}, r"input of shape \(1, 12\)"),
        (brightness_model((1, 8, 8, 4)), {}, r"input of shape \(1, 8, 8, 4\)"),
        (brightness_model(units=3, activation="softmax"), {"scale": (0, 1)}, r"shape \(1, 3\)"),
        (brightness_model(), {}, "give scale="),
        (brightness_model(dtype=np.uint8, quantisation=(0.5, 0)), {}, "give scale="),
        (brightness_model(units=2, activation="softmax"), {"scale": (0, 1)}, "give busy_index="),
        (brightness_model(activation=None), {"scale": (0, 1)}, "no probabilities"),
        (brightness_model(units=2), {"scale": (0, 1), "busy_index": 1}, "no probabilities"),
        (brightness_model(), {"scale": (0, 1), "busy_index": 2}, "busy_index 2"),
    ],
)
def test_networks_that_are_no_occupancy_classifiers(content, options, message):
    with pytest.raises(ModelFormatError, match=message):
        CNN(content, **options)


@pytest.mark.parametrize("scale", [(1, 0), (0, 0), (0, np.nan), (0, np.inf)])
def test_scales_that_are_none(scale):
    with pytest.raises(ModelFormatError, match="a lower and a higher value"):
        CNN(brightness_model(), scale=scale)


def test_network_without_a_size():
    build, ops = TFLiteBuilder(), schema.BuiltinOperator
    pixels = build.tensor((1, 1, 1, 3))
    build.tensors[pixels].shapeSignature = [-1, -1, -1, 3]
    out = build.operator(ops.LOGISTIC, [pixels], build.tensor((1, 1, 1, 3)))
    with pytest.raises(ModelFormatError, match="images of any size"):
        CNN(build.finish([pixels], [out]), scale=(0, 1))


def test_network_of_another_batch_is_made_to_take_one():
    model = CNN(brightness_model((8, 8, 6, 3)), scale=(0, 1))
    levels = [0, 50, 130, 255]
    got = model.predict_proba([even(level) for level in levels])[:, 1]
    np.testing.assert_allclose(got, [expected_busy(level / 255) for level in levels], atol=1e-5)
    assert model.predict_proba(even(255))[0, 1] == pytest.approx(expected_busy(1.0), abs=1e-5)


def test_what_a_file_says_of_itself_goes_before_the_options():
    facts = {"schema_version": 1, "input": {"scale": [0, 1]}, "busy_index": 1, "threshold": 0.5}
    content = write_metadata(brightness_model(), facts)
    busy = CNN(content, scale=(-1, 1), busy_index=0).predict_proba(even(255))[0, 1]
    assert busy == pytest.approx(expected_busy(1.0), abs=1e-5)


def test_xnnpack_runs_the_network_with_the_threads_asked_for(shipped):
    runner = shipped._runner("single")
    names = [each["op_name"] for each in runner._interpreter._get_ops_details()]
    assert names[-1] == "DELEGATE"


def test_options_reach_a_file_by_load_model_and_predict(tmp_path, run):
    file, patch = tmp_path / "mine.tflite", tmp_path / "white.png"
    file.write_bytes(brightness_model(units=2, activation="softmax"))
    cv2.imwrite(str(patch), even(255))
    model = load_model(file, scale=(0, 1), busy_index=0)
    assert (model.card["input"]["scale"], model.card["busy_index"]) == ((0, 1), 0)
    expected = 1 - expected_busy(1.0)
    assert model.predict_proba(even(255))[0, 1] == pytest.approx(expected, abs=1e-5)
    asked = ("--scale", "0", "1", "--busy-index", "0", "--format", "jsonl")
    status, out, _ = run("predict", file, patch, *asked)
    assert status == 0
    assert json.loads(out)["probability"] == pytest.approx(expected, abs=1e-5)
    status, out, _ = run("models", "show", file, *asked[:5])
    assert status == 0
    assert json.loads(out)["bytes"] == file.stat().st_size
    for missing, option in ((("--busy-index", "0"), "--scale"), (("--scale", "-1", "1"), "--busy")):
        status, _, err = run("predict", file, patch, *missing)
        assert status == 1
        assert option in err
        assert len(err.splitlines()) == 1


def test_network_with_two_outputs():
    build, ops = TFLiteBuilder(), schema.BuiltinOperator
    pixels = build.tensor((1, 2, 2, 3))
    outputs = [build.operator(ops.LOGISTIC, [pixels], build.tensor((1, 2, 2, 3))) for _ in "ab"]
    with pytest.raises(ModelFormatError, match="1 inputs and 2 outputs"):
        CNN(build.finish([pixels], outputs), scale=(0, 1))


def test_files_that_are_no_models(tmp_path):
    whole = SHIPPED.read_bytes()
    for name, content in {
        "empty": b"",
        "text": b"no model at all, but rather long\n" * 50,
        "half": whole[: len(whole) // 2],
    }.items():
        file = tmp_path / f"{name}.tflite"
        file.write_bytes(content)
        with pytest.raises(ModelFormatError, match=rf"{name}\.tflite: not a TFLite model") as error:
            CNN.load(file)
        assert "\n" not in str(error.value)
    with pytest.raises(ModelFormatError, match=r"gone\.tflite: No such file"):
        CNN.load(tmp_path / "gone.tflite")


def test_name_is_the_stem_unless_given(tmp_path):
    file = tmp_path / "mine.tflite"
    file.write_bytes(brightness_model())
    assert CNN.load(file, scale=(0, 1)).name == "mine"
    assert CNN.load(file, scale=(0, 1), name="rival").name == "rival"


def test_training_without_tensorflow_names_the_extra(monkeypatch, tmp_path, sample, run):
    from cvpark import cnn
    from cvpark.datasets import Dataset

    monkeypatch.setitem(sys.modules, "tensorflow", None)
    split = Dataset(sample).split("train")
    with pytest.raises(MissingExtraError, match=r'pip install "cvpark\[cnn\]"'):
        cnn.train(split, split, tmp_path / "tiny.keras")
    for command in (["train", "--out", tmp_path / "t.keras"], ["convert", tmp_path / "t.keras"]):
        status, out, err = run("cnn", *command, "--data", sample)
        assert (status, out) == (1, "")
        assert 'pip install "cvpark[cnn]"' in err
        assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())
