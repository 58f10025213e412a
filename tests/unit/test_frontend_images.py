"""Pictures as inputs: sizes, channels, layouts, preparation."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from PIL import Image

from patchc.errors import PatchcError
from patchc.quantize.images import load_image
from patchc.quantize.options import METADATA_KEY, ImagePreparation
from tests.unit.frontend_models import Net


def model(*shape, dtype=np.float32, metadata: str | None = None) -> onnx.ModelProto:
    net = Net()
    found = net.model(net.op("Identity", net.input("image", *shape, dtype=dtype)))
    if metadata is not None:
        found.metadata_props.add(key=METADATA_KEY, value=metadata)
    return found


@pytest.fixture
def picture(tmp_path):
    """8 rows of 16 columns: black, with a red left half."""
    pixels = np.zeros((8, 16, 3), np.uint8)
    pixels[:, :8, 0] = 200
    path = tmp_path / "picture.png"
    Image.fromarray(pixels).save(path)
    return path


def test_pixels_as_they_are(picture):
    found = load_image(picture, model(1, 3, 8, 16))
    assert found.dtype == np.float32
    assert found.shape == (1, 3, 8, 16)
    np.testing.assert_array_equal(found[0, 0, :, :8], 200)
    np.testing.assert_array_equal(found[0, 1:], 0)


def test_channels_last(picture):
    first = load_image(picture, model(1, 3, 8, 16))
    last = load_image(picture, model(1, 8, 16, 3))
    np.testing.assert_array_equal(last, first.transpose(0, 2, 3, 1))


def test_the_middle_is_cut_out(picture):
    """8 x 16 covers 8 x 8 without resizing: columns 4 to 12 remain."""
    found = load_image(picture, model(1, 3, 8, 8))
    np.testing.assert_array_equal(found[0, 0, :, :4], 200)
    np.testing.assert_array_equal(found[0, 0, :, 4:], 0)


def test_a_larger_input_is_covered(picture):
    assert load_image(picture, model(1, 3, 32, 32)).shape == (1, 3, 32, 32)


def test_grey(picture):
    found = load_image(picture, model(1, 1, 8, 16))
    assert found.shape == (1, 1, 8, 16)
    assert found[0, 0, 0, 0] == 60  # 0.299 * 200


def test_preparation_from_the_call_or_from_the_file(picture):
    preparation = ImagePreparation((0.4, 0.5, 0.6), (0.5, 0.25, 1.0), 1 / 255)
    given = load_image(picture, model(1, 3, 8, 16), preparation)
    recorded = load_image(picture, model(1, 3, 8, 16, metadata=preparation.to_json()))
    np.testing.assert_array_equal(given, recorded)
    expected = [(200 / 255 - 0.4) / 0.5, -2.0, -0.6]
    np.testing.assert_allclose(given[0, :, 0, 0], expected, rtol=1e-6)


def test_bytes_are_not_prepared(picture):
    found = load_image(picture, model(1, 8, 16, 3, dtype=np.uint8), ImagePreparation((9.0,)))
    assert found.dtype == np.uint8
    assert found.max() == 200


def refused(picture, *arguments) -> str:
    with pytest.raises(PatchcError) as caught:
        load_image(picture, *arguments)
    return str(caught.value)


def test_a_file_that_is_no_picture(tmp_path):
    path = tmp_path / "text.png"
    path.write_text("no picture")
    assert f"{path}: cannot be read as a picture" in refused(path, model(1, 3, 8, 8))
    assert "nothing.png: cannot be read" in refused(tmp_path / "nothing.png", model(1, 3, 8, 8))


def test_inputs_that_are_no_picture(picture):
    assert refused(picture, model(1, 490)) == (
        "input 'image' has shape [1, 490]: a picture needs [1, 1 or 3, height, width] or "
        "[1, height, width, 1 or 3]"
    )
    assert refused(picture, model(1, 3, 8, 8, dtype=np.int8)) == (
        "input 'image' is int8: give it prepared values, not a picture"
    )
    two = model(1, 3, 8, 8)
    two.graph.input.append(onnx.helper.make_tensor_value_info("state", 1, [1]))
    assert refused(picture, two) == (
        "a picture feeds a model with one input; this one has image, state"
    )


def test_means_for_another_number_of_channels(picture):
    assert refused(picture, model(1, 3, 8, 8), ImagePreparation((1.0, 2.0))) == (
        "mean of 2 numbers for 3 channels"
    )


@pytest.mark.parametrize("text", ["{}", "nonsense", '{"mean": 1, "std": [1], "scale": 1}'])
def test_metadata_that_patchc_did_not_write(picture, text):
    assert "metadata 'patchc.image' is not what patchc quantize writes" in refused(
        picture, model(1, 3, 8, 8, metadata=text)
    )
