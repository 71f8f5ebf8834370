import numpy as np
from PIL import Image, ImageFilter

from kerasclf.audit.file_facts import FileFacts, read_file_facts, size_of_all
from kerasclf.audit.odd_images import odd_images
from kerasclf.audit.pooled_images import PooledImages, measure
from kerasclf.audit.shortcuts import find_shortcuts
from tests.audit.scenes import dataset_of, scenes

NONE = np.empty((0, 32, 32, 3), np.uint8), []


def measured(images):
    return measure(PooledImages(dataset_of((images, [0] * len(images)), NONE, NONE)))


def test_measurements_have_exact_values():
    image = np.zeros((1, 32, 32, 3), np.uint8)
    image[0, :, 16:] = (90, 60, 30)
    found = measured(image)
    assert found.brightness.tolist() == [[0, 30, 60]]
    assert found.color.tolist() == [[45, 30, 15]]
    # The Laplacian is 60 and -60 beside the edge, and 0 in the other 28 of 30 columns.
    assert found.sharpness[0] == np.float32(60 * np.sqrt(2 / 30))


def test_odd_pixels_are_found():
    images = scenes(12)
    blurred = np.asarray(Image.fromarray(images[3]).filter(ImageFilter.GaussianBlur(6)))
    odd = [images[0] // 8, 220 + images[1] // 8, np.full((32, 32, 3), 99, np.uint8), blurred]
    found = odd_images(measured(np.concatenate([images, odd])), None)
    assert [(one.kind, one.image) for one in found] == [("flat", 14), ("dark", 12), ("bright", 13), ("blurred", 15)]
    assert found[0].score == 0 and found[1].score < 40 and found[2].score > 215 and found[3].score < 0.15


def test_odd_files_are_found():
    sizes = np.array([[100, 100]] * 8 + [[30, 30], [300, 300], [100, 200], [290, 290]])
    found = odd_images(measured(scenes(12)), sizes)
    assert [(one.kind, one.image, round(one.score, 3)) for one in found] == [
        ("odd size", 8, 0.3), ("odd size", 9, 3.0), ("odd aspect", 10, 2.0),
    ]  # fmt: skip


def test_facts_of_files_are_read(tmp_path):
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Maker", "Model 1", 6
    Image.fromarray(scenes(1)[0][:20]).save(tmp_path / "turned.jpg", exif=exif)
    Image.fromarray(scenes(1)[0]).save(tmp_path / "plain.png")
    paths = [tmp_path / "turned.jpg", tmp_path / "plain.png"]
    facts = read_file_facts(paths)
    assert facts.sizes.tolist() == [[32, 20], [32, 32]]
    assert facts.bytes.tolist() == [path.stat().st_size for path in paths]
    assert facts.cameras == ("Maker Model 1", "")
    assert size_of_all(paths) is None and size_of_all(paths[1:]) == (32, 32)


def test_a_camera_that_gives_the_class_away_is_a_shortcut():
    labels = np.repeat([0, 1], 50)
    noise = np.random.default_rng(0).normal(128, 20, (100, 3)).astype(np.float32)
    cameras = tuple("AB"[label] for label in labels)
    facts = FileFacts(np.full((100, 2), 32), np.arange(100) % 7, cameras)
    found = {one.fact: one for one in find_shortcuts(noise, facts, labels)}
    assert set(found) == {"mean colour", "file size", "camera"}  # all files share one size
    assert found["camera"].accuracy == 1 and found["camera"].is_strong and found["camera"].majority == 0.5
    assert round(found["camera"].low, 3) == 0.963
    assert not found["mean colour"].is_strong and not found["file size"].is_strong


def test_too_few_images_have_no_shortcuts():
    assert find_shortcuts(np.zeros((8, 3), np.float32), None, np.array([0] * 4 + [1] * 4)) == []
