import numpy as np
import pytest

from kerasclf.audit.audit import audit_images
from kerasclf.audit.pooled_images import PooledImages
from kerasclf.audit.price import price_of
from kerasclf.errors import KerasclfError
from kerasclf.report.audit_page import audit_cautions
from tests.audit.scenes import dataset_of, scenes


@pytest.fixture(scope="module")
def images():
    """Features and images of two classes that no feature tells apart; half of the test images are trained, too."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 300)
    features = rng.normal(size=(300, 200)).astype(np.float32)
    features[200:250], labels[200:250] = features[:50], labels[:50]
    pictures, none = scenes(1).repeat(300, axis=0), (scenes(1)[:0], [])
    return features, PooledImages(dataset_of((pictures[:200], labels[:200]), none, (pictures[200:], labels[200:])))


def test_leaked_duplicates_flatter(images):
    price = price_of(*images, left_out=frozenset(range(50)))
    assert 0.65 < price.with_findings < 0.85  # half of the images are known by heart
    assert 0.4 < price.without_findings < 0.6
    assert price.difference == pytest.approx(price.with_findings - price.without_findings)
    assert 0 < price.low < price.difference < price.high
    assert price.left_out == (50, 0)
    assert price.sentence.startswith("The findings raise the test accuracy of a head: ")


def test_without_findings_there_is_no_price(images):
    price = price_of(*images, left_out=frozenset())
    assert (price.difference, price.low, price.high, price.left_out) == (0, 0, 0, (0, 0))
    assert price.sentence.endswith("+0.0 points (95 % interval +0.0 to +0.0), which may be chance.")


def test_wrong_test_labels_cost():
    labels = np.tile([0, 1], 100)
    features = np.random.default_rng(0).normal(labels[:, None] * 6.0, 1, (200, 4)).astype(np.float32)
    given = labels.copy()
    given[180:] = 1 - labels[180:]
    pictures, none = scenes(1).repeat(200, axis=0), (scenes(1)[:0], [])
    images = PooledImages(dataset_of((pictures[:100], given[:100]), none, (pictures[100:], given[100:])))
    price = price_of(features, images, left_out=frozenset(range(180, 200)))
    assert (price.with_findings, price.without_findings) == (0.8, 1.0)
    assert price.high < 0 and price.left_out == (0, 20)
    assert price.sentence.startswith("The findings lower the test accuracy of a head: 80.0% with them, 100.0% without")


def test_without_a_price_the_findings_are_kept():
    """Every test image has a copy of another label, so none stays."""
    pictures, none = scenes(12), (scenes(1)[:0], [])
    dataset = dataset_of((pictures, [0, 1] * 6), none, (pictures[:4], [1, 0] * 2))
    found = audit_images(PooledImages(dataset), with_price=True)
    assert len(found.of_kind("conflicting_labels")) == 4
    assert found.price is None
    assert found.why_no_price.startswith("expected images of two classes and test images without findings.")
    assert "The price of the findings was not measured: expected images" in " ".join(audit_cautions(found))


def test_too_few_images_have_no_price(images):
    with pytest.raises(KerasclfError, match="price: expected images of two classes and test images without findings"):
        price_of(*images, left_out=frozenset(range(200, 300)))
