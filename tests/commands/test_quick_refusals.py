"""Mistakes are refused before TensorFlow is imported: in a process that cannot import it, and starts no other one."""

import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

# Runs groups of command lines from a JSON file, each group with environment variables of its own. Prints the exit codes
# and messages of each group as JSON.
PROGRAM = """
import contextlib, io, json, sys
from unittest.mock import patch

class Forbidden(BaseException):
    pass

class Hook:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "keras", "keras_tuner", "torch"):
            raise Forbidden(name)

def start_worker(*arguments, **settings):
    raise Forbidden("worker process")

sys.meta_path.insert(0, Hook())
from kerasclf.cli import main
from kerasclf.runs import engines
engines.WorkerProcess = start_worker

def answer(arguments):
    error = io.StringIO()
    with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
        try:
            main(arguments)
            code = 0
        except SystemExit as ended:
            code = ended.code
        except Forbidden as forbidden:
            code = f"imports or starts {forbidden}"
    return code, error.getvalue()

answers = []
for environment, lines in json.load(open(sys.argv[1])):
    with patch.dict("os.environ", environment):
        answers.append([answer(arguments) for arguments in lines])
print(json.dumps(answers))
"""

TRAIN = ["train", "--data", "folder:PHOTOS"]
STUDY = ["study", "basenet", "--data", "shapes"]
SEARCH = ["search", "basenet", "--data", "shapes"]
HUGE = "9" * 5000  # Python does not convert as many digits
REFUSED = [
    # commands and options
    (["trian"], "Unknown command 'trian'. Did you mean 'train'?"),
    (["train", "--data", "shapes", "--lr", "1"], "kerasclf train has no option --lr. Did you mean --learning-rate?"),
    ([*TRAIN, "--model", "resnet50"], "no option --model. Did you mean --backbone?"),
    ([*STUDY, "--backbone", "resnet18"], "--backbone: the study basenet has no pretrained network to replace."),
    (["study", "birds", "--backbone", "vgg16", "vgg19"], "--backbone: the study birds has one pretrained network."),
    (["study", "art", "--backbone", "squeezenet"], "Unknown model 'squeezenet'. Did you mean 'squeezenet1_1'?"),
    (["course", "--only", "iris", "--backbone", "vgg16"], "--backbone is for the exercise transfer, which --only"),
    (["course", "--backbone", "vgg16", "vgg19"], "--backbone: the study course-transfer has one pretrained network."),
    (["study", "art", "--backbone", "resnet18", "--weights", "PHOTOS"], "--weights: expected one file of resnet18 in"),
    ([*SEARCH, "--backbone", "resnet18"], "--backbone: the search trains basenet, which is not pretrained."),
    (["search", "s2", "--backbone", "resnet81"], "Did you mean 'resnet18'?"),
    (["search", "ladder/deeper", "--backbone", "vgg16"], "--backbone: the study ladder has no pretrained network"),
    ([*TRAIN, "--epoch", "3"], "no option --epoch. Did you mean --epochs?"),
    ([*TRAIN, "--batchsize", "8"], "no option --batchsize. Did you mean --batch-size?"),
    ([*TRAIN, "--learn", "0.1"], "no option --learn. Did you mean --learning-rate?"),
    ([*TRAIN, "--epochs", "3", "--epochs", "4"], "--epochs is given twice."),
    ([*TRAIN, "--epochs"], "--epochs: expected a whole number. Received nothing."),
    ([*TRAIN, "--epochs", "ten"], "--epochs: expected a whole number. Received: 'ten'."),
    ([*TRAIN, "--epochs", "2.5"], "--epochs: expected a whole number. Received: '2.5'."),
    ([*TRAIN, "--dropout", "half"], "--dropout: expected a number. Received: 'half'."),
    ([*TRAIN, "--head", "512-128"], "--head: expected a whole number. Received: '512-128'."),
    ([*TRAIN, "--quick=yes"], "--quick takes no value. Received: 'yes'."),
    ([*TRAIN, "--track", "wandbb"], "--track: expected wandb or mlflow or tensorboard. Received: 'wandbb'."),
    (["train", "PHOTOS", "--data", "shapes"], "--data: expected the images once. Received: PHOTOS and --data shapes."),
    (["study", "basenet", "QUICK=1"], "Received in addition: QUICK=1. Did you mean --quick?"),
    (["report"], "Expected kerasclf report FOLDER. FOLDER is missing."),
    (["weights", "convert"], "Expected kerasclf weights TASK SOURCE MODEL. SOURCE and MODEL are missing."),
    # train
    (["train"], "Which images? Give a folder that contains one folder per class"),
    (["train", "PHOTOS/nowhere"], "PHOTOS/nowhere does not exist. Give the path of a folder of images"),
    (["train", "PHOTOS", "--group-by", "patient_("], "--group-by: expected a regular expression."),
    (["train", "PHOTOS", "--group-by", "patient"], "expected a pattern that names the group of each of"),
    (["train", "digits", "--skip-broken"], "--skip-broken: expected images in files: a folder, a table or lists."),
    (["train", "--data", "folder:NOWHERE"], "The folder NOWHERE does not exist."),
    (["train", "--data", "points"], "--data: keras_resnet50 is a network for images. Received: points, a table"),
    ([*TRAIN, "--backbone", "resnet5"], "Unknown model 'resnet5'. Did you mean 'resnet50'?"),
    ([*TRAIN, "--backbone", "my_nets:build"], "--backbone: expected 'module:function', such as 'my_net:build'"),
    ([*TRAIN, "--backbone", "no.keras"], "--backbone: expected a .keras file. Received: 'no.keras', which does not"),
    ([*TRAIN, "--backbone", "json:build"], "--weights: expected 'none' or a .keras file, as json:build has no"),
    (["models", "my_nets:build"], "NAME: expected 'module:function', such as 'my_net:build'"),
    (["models", "no.keras"], "NAME: expected a .keras file. Received: 'no.keras', which does not exist."),
    ([*TRAIN, "--weights", "nowhere.keras"], "Received: 'nowhere.keras', which does not exist."),
    ([*TRAIN, "--weights", "ImageNet"], "Did you mean 'imagenet'?"),
    ([*TRAIN, "--weights", "SPACE"], "--weights: expected a file .keras (a saved model)"),
    ([*TRAIN, "--backbone", "mobilenet_v2", "--weights", "TENSORS"],
     "--weights: expected a file .keras (a saved model), .weights.h5 (Keras 3) or .h5 (of keras.applications) for "
     "mobilenet_v2. Received: 'TENSORS'."),
    (["weights", "convert", "TENSORS", "mobilenet_v2", "-o", "a.keras"],
     "MODEL: expected a network that torchvision or timm has too"),
    ([*TRAIN, "--backbone", "nin"], "--weights: nin has no ImageNet weights. Give a file, or 'none'"),
    ([*TRAIN, "--unfreeze", "stag5"], "--unfreeze: expected 'head', 'all'"),
    ([*TRAIN, "--backbone", "mlp", "--weights", "none", "--unfreeze", "last_stage"],
     "--unfreeze: mlp has no convolutional layers. Expected 'head', 'all' or 'from:LAYER'. Received: 'last_stage'."),
    ([*TRAIN, "--backbone", "squeezenet1_1", "--unfreeze", "last26"],
     "--unfreeze: squeezenet1_1 has 25 convolutional layers. Expected 'head', 'all' or 'last1' to 'last25'."),
    ([*TRAIN, "--unfreeze", "head", "--head-epochs", "3"], "With --unfreeze head, give --epochs."),
    ([*TRAIN, "--views", "3"], "--views needs --augment"),
    ([*TRAIN, "--augment", "--views", "3", "--no-cache"], "--views: expected no --no-cache, as the cache holds"),
    ([*TRAIN, "--augment", "--views", "3", "--unfreeze", "all", "--head-epochs", "0"],
     "--views: expected a phase that freezes layers"),
    ([*TRAIN, "--class-weight", "even"], "--class-weight: expected balanced or none. Received: 'even'."),
    ([*TRAIN, "--class-weight", "balanced", "--oversampling", "balanced"],
     "--oversampling: expected none with --class-weight. Each of them corrects the shares of the classes"),
    ([*TRAIN, "--oversampling", "balanced", "--logit-adjustment", "1"],
     "--logit-adjustment: expected none with --oversampling."),
    ([*TRAIN, "--logit-adjustment", "-1"], "--logit-adjustment: expected a number of at least 0. Received: -1.0."),
    (["study", "ladder", "--protocol", "published", "--class-weight", "balanced"],
     "--class-weight: expected the sound protocol with it"),
    ([*SEARCH, "--class-weight", "balanced", "--oversampling", "balanced"], "--oversampling: expected none with --cla"),
    ([*TRAIN, "--focal-gamma", "1"], "--focal-gamma: expected --loss to be 'focal'. Received: 'crossentropy'."),
    ([*TRAIN, "--epochs", "0"], "error: --epochs: expected at least 1. Received: 0."),
    ([*TRAIN, "--head", "0"], "--head: expected widths of at least 1"),
    ([*TRAIN, "--dropout", "1.5"], "--dropout: expected a share from 0 to below 1. Received: 1.5."),
    ([*TRAIN, "--precision", "float16"], "Unknown precision 'float16'. Did you mean"),
    ([*TRAIN, "--image-size", "224"], "--image-size: expected HEIGHTxWIDTH, such as 64x64. Received: '224'."),
    ([*TRAIN, "--backbone", "inception_v3", "--image-size", "32x32"],
     "--image-size: inception_v3 needs images of at least 75x75 pixels. Received: 32x32."),
    ([*TRAIN, "--fit", "zoom"], "--fit: expected squash or crop or pad. Received: 'zoom'."),
    (["study", "course-iris", "--fit", "pad"], "--fit: expected 'squash' for iris, a table. Received: 'pad'."),
    ([*TRAIN, "--jobs", "two"], "--jobs: expected a number of at least 1, or auto. Received: 'two'."),
    ([*TRAIN, "--engine", "rai"], "Unknown engine 'rai'. Did you mean 'ray'?"),
    ([*TRAIN, "--address", "here"], "--address needs --engine ray."),
    ([*TRAIN, "--out", "PHOTOS/runs"], "lies inside the images"),
    ([*TRAIN, "--out", "PHOTOS"], "PHOTOS is not empty and holds no study."),
    ([*TRAIN, "--out", "SPACE"], "Expected a folder. Received the file SPACE. Give a folder as --out."),
    ([*TRAIN, "--repeats", "0"], "--repeats: expected at least 1. Received: 0."),
    # study
    (["study", "laddr"], "Unknown study 'laddr'. Did you mean 'ladder'?"),
    (["study", "basenet", "--protocol", "sund"], "Unknown protocol 'sund'. Did you mean 'sound'?"),
    (["study", "basenet", "--only", "adam20"], "Unknown experiment 'adam20'. Did you mean 'adam_20'?"),
    (["study", "basenet", "--data", "cifar101"], "Unknown data set 'cifar101', and there is no folder or file"),
    (["study", "basenet", "--data", "cifar10:1"], "expected N from 2 to 10 classes. Received: 1."),
    (["study", "basenet", "--data", "shapes:3"], "Expected shapes, synthetic images"),
    (["study", "basenet", "--data", "iris"], "--data: basenet is a network for images. Received: iris, a table"),
    (["study", "basenet", "--image-size", "8x8"], "--image-size: basenet needs images of at least 16x16 pixels."),
    (["study", "basenet", "--weights", "none"], "--weights: the study trains basenet"),
    (["study", "basenet", "--reduced"], "--reduced: the study basenet declares no reduced version."),
    (["study", "art", "--quick", "--reduced"], "Expected --quick or --reduced. Received both."),
    ([*STUDY, "--train-per-class", "1"], "--train-per-class: expected at least 2"),
    # course
    (["course", "--only", "iriss"], "Unknown exercise 'iriss'. Did you mean 'iris'?"),
    (["course", "--wine", "nowhere.csv"], "nowhere.csv does not exist."),
    (["course", "--protocol", "publishd"], "Did you mean 'published'?"),
    # search
    (["search"], "Expected an experiment: a declared search"),
    (["search", "basenett", "--max-trials", "2"], "Unknown search or study 'basenett'."),
    ([*SEARCH, "--oracle", "tpi"], "Unknown oracle 'tpi'. Did you mean 'tpe'?"),
    ([*SEARCH, "--objective", "val_acc"], "Unknown objective 'val_acc'. Did you mean 'val_accuracy'?"),
    ([*SEARCH, "--space", "nowhere.toml"], "The search space nowhere.toml cannot be read"),
    ([*SEARCH, "--max-time", "2x"], "--max-time: expected a duration"),
    ([*SEARCH, "--repeats", "0"], "error: --repeats: expected at least 1. Received: 0."),
    (["search", "EXPERIMENT", "--space", "SPACE", "--max-trials", "2"],
     "Unknown argument of basenet 'dropuot'. Did you mean 'dropout'?"),
    # paths that are empty, that are the current folder, and of users that are unknown
    ([*TRAIN, "--out", ""], "--out: expected a path. Received: ''."),
    (["report", "RUN", "--out="], "--out: expected a path. Received: ''."),
    (["report", ""], "FOLDER: expected a path. Received: ''."),
    (["predict", "", "PHOTO"], "_FOLDER: expected a path. Received: ''."),
    (["predict", "RUN", "PHOTO", ""], "Expected the paths of images. Received an empty path."),
    (["benchmark", "RUN", ""], "MODELS: expected a path. Received: ''."),
    (["predict", "RUN", "PHOTO", "--out", "new/a.csv", "--sort-into", "new"],
     "--out: expected a file outside the folder of --sort-into. Received: new/a.csv."),
    (["predict", "~nobody-here/run", "PHOTO"], "Received: ~nobody-here/run, which does not exist."),
    ([*TRAIN, "--weights", "~nobody-here/a.h5"], "Received: '~nobody-here/a.h5', which does not exist."),
    ([*TRAIN, "--backbone", "~nobody-here/a.keras"], "Received: '~nobody-here/a.keras', which does not exist."),
    # evaluate
    (["evaluate", "RUN", "PHOTOS", "--seed", "-1"], "--seed: expected 0 to 2**32 - 1. Received: -1."),
    (["evaluate", "RUN", "PHOTOS", "--rename", "a=cat", "a=dog"],
     "--rename: expected each class once. Received: a=cat a=dog."),
    (["evaluate", "RUN", "PHOTOS", "--out", "PHOTOS/new"], "photos/new lies inside the images of folder:photos."),
    # show augmentation
    (["show", "augmentation", "PHOTO", "--set", "zoom_range=0.1", "zoom_range=0.2"],
     "--set: expected each field once. Received: zoom_range=0.1 zoom_range=0.2."),
    (["show", "augmentation", "PHOTO", "--set", "zoom_range={[]:1}"], "zoom_range: expected float"),
    (["show", "augmentation", "PHOTO", "--set", "zoom_range=1" + "+1" * 9000], "zoom_range: expected float"),
    (["show", "augmentation", "PHOTO", "--set", "zoom_range=0.1", "--seed", "-1"],
     "--seed: expected 0 to 2**32 - 1. Received: -1."),
    # models
    (["models", "basenet", "--classes", "1" + "0" * 12], "--classes: expected 2 to 10,000. Received: 1000000000000."),
    (["models", "basenet", "--input", "100000x100000x3"], "--input: expected at most 67,108,864 pixels. Received: 10"),
    # numbers of more digits than Python converts
    ([*TRAIN, "--image-size", f"{HUGE}x{HUGE}"], "--image-size: expected HEIGHTxWIDTH, such as 64x64. Received: '999"),
    ([*TRAIN, "--jobs", HUGE], "--jobs: expected a number of at least 1, or auto. Received: '999"),
    ([*TRAIN, "--unfreeze", f"last{HUGE}"], "--unfreeze: expected 'head', 'all'"),
    (["study", "basenet", "--data", f"cifar10:{HUGE}"], "Expected cifar10"),
    (["models", "basenet", "--input", HUGE], "--input: expected HEIGHTxWIDTHxCHANNELS, such as 32x32x3. Received"),
    (["show", "gradcam", "RUN", "PHOTO", "--class", HUGE], "Unknown class '999"),
    (["evaluate", "RUN", "PHOTOS", "--tta", HUGE], "--tta: expected flip, or 2 to 10 views. Received: 999"),
    # export, benchmark
    (["export", "RUN", "--to", "onnx", "--data", "folder:nowhere"], "nowhere"),
    (["export", "RUN", "--to", "onnx", "--data", "iris"], "Expected a data set of images. Received: iris, a table."),
    (["benchmark", "RUN", "--data", "iris"], "Expected a data set of images. Received: iris, a table."),
    # models, weights, show, report, cache
    (["models", "resnet5"], "Unknown model 'resnet5'. Did you mean 'resnet50'?"),
    (["models", "basenet", "--input", "8x8x3"], "--input: basenet needs images of at least 16x16 pixels."),
    (["models", "basenet", "--diagram", "a.gif"], "--diagram: expected a file .png, .svg, .pdf, .txt."),
    (["weights", "convert", "nowhere.pth", "resnet5", "-o", "a.bin"], "The file nowhere.pth does not exist."),
    (["show", "kernel", "RUN"], "Unknown figure 'kernel'. Did you mean 'kernels'?"),
    (["show", "kernels", "NOWHERE"], "Received: NOWHERE, which does not exist"),
    (["show", "gradcam", "RUN", "PHOTO", "--class", "bat"], "Unknown class 'bat'. Did you mean 'cat'?"),
    (["show", "gradcam", "RUN", "PHOTO", "--class", "2"], "--class: expected 0 to 1, or a class name. Received: 2."),
    (["show", "features", "RUN", "nowhere.png"], "nowhere.png does not exist."),
    (["demo", "NOWHERE"], "Received: NOWHERE, which does not exist"),
    (["demo", "NOWHERE", "--host", "192.0.2.1"], "--host: expected a name or an address of this machine."),
    (["report", "NOWHERE"], "NOWHERE holds no study"),
    (["report", "RUNS"], "RUNS holds no study. Its subfolders do: RUNS/first."),
    (["weights", "convert", "a.pth", "resnet18"], "-o, --out PATH is missing: The file to write: .keras"),
    (["weights", "a.pth", "resnet18", "-o", "a.keras"], "TASK: expected convert. Received: 'a.pth'."),
    (["cache", "clear", "nothing"], "No cache is named 'nothing'."),
    (["cache", "list", "a", "b"], "kerasclf cache list takes no names. Received: a b."),
]  # fmt: skip
RANDOM = ["--backbone", "mobilenet_v2", "--weights", "none"]
# Command lines that need the cache of activations, copies of data sets, and prepared images, and the environment
# variables that are wrong.
CACHE = [
    ["train", "photos", *RANDOM, "--plan", "--epochs", "3", "--jobs", "two"],
    ["train", "photos", *RANDOM, "--budget", "1min"],
    ["study", "birds", "--data", "folder:photos", *RANDOM],
    ["course", "--only", "transfer", "--data", "digits", *RANDOM],
    ["search", "head.json", "--space", "space.toml", "--max-trials", "2"],
    ["check", "photos", *RANDOM],
]
COPIES = [
    ["study", "basenet"],
    ["train", "cifar10", *RANDOM],
    ["course", "--only", "digits"],
    ["check", "mnist"],
]
PREPARED = [
    ["train", "photos", *RANDOM, "--plan", "--epochs", "0"],
    ["study", "basenet", "--data", "folder:photos", "--repeats", "0"],
    ["course", "--data", "folder:photos", "--only", "digits"],
    ["search", "photos.json", "--space", "space.toml", "--max-trials", "2"],
    ["check", "photos"],
]
UNKNOWN_USER = "~nobody-here/x"
GROUPS = {
    "cache": ({"KERASCLF_CACHE": "space.toml/cache"}, CACHE),
    "copies": ({"KERASCLF_DATA": "my_dta"}, COPIES),
    "prepared": ({"KERASCLF_IMAGE_CACHE_GB": "abc"}, PREPARED),
    "cache of a user": ({"KERASCLF_CACHE": UNKNOWN_USER}, [["cache", "list"]]),
    "copies of a user": ({"KERASCLF_DATA": UNKNOWN_USER}, [["study", "basenet", "--data", "cifar10"]]),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Files that the command lines name, by the word for them."""
    folder = tmp_path_factory.mktemp("refused")
    for name in ("cat", "dog"):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(3):
            pixels = np.full((9, 9, 3), 40 * number, np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{number}.png")
    (folder / "run").mkdir()
    (folder / "run" / "experiment.json").write_text(json.dumps({"class_names": ["cat", "dog"]}))
    with zipfile.ZipFile(folder / "run" / "model.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    (folder / "runs" / "first").mkdir(parents=True)
    (folder / "runs" / "first" / "study.json").write_text("{}")
    (folder / "space.toml").write_text('["train.learning_rate"]\nfloat = [1e-3, 1.0]\n')
    (folder / "experiment.toml").write_text('data = "shapes"\nmodel = "basenet"\nmodel_args = {dropuot = 0.5}\n')
    (folder / "tensors.safetensors").touch()
    network = {"data": "folder:photos", "model": "mobilenet_v2", "transfer": {"weights": "none"}}
    (folder / "head.json").write_text(json.dumps({**network, "train": {"unfreeze": "head"}}))
    (folder / "photos.json").write_text('{"data": "folder:photos", "model": "basenet"}')
    names = {"PHOTOS": "photos", "PHOTO": "photos/cat/0.png", "RUN": "run", "SPACE": "space.toml", "RUNS": "runs",
             "EXPERIMENT": "experiment.toml", "TENSORS": "tensors.safetensors", "NOWHERE": "nowhere"}  # fmt: skip
    return folder, names


@pytest.fixture(scope="module")
def answers(places):
    """The exit code and the message of each command line, by group."""
    folder, names = places
    before = {path.name for path in folder.iterdir()}
    refused = [[_named(word, names) for word in arguments] for arguments, _ in REFUSED]
    groups = {"refused": ({}, refused), **GROUPS}
    (folder / "lines.json").write_text(json.dumps([*groups.values()]))
    program = [sys.executable, "-c", PROGRAM, str(folder / "lines.json")]
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {*before, "lines.json"}
    return dict(zip(groups, json.loads(done.stdout), strict=True))


def _named(text, names):
    for word in sorted(names, key=len, reverse=True):
        text = text.replace(word, names[word])
    return text


@pytest.mark.parametrize("number", range(len(REFUSED)), ids=[" ".join(words)[:60] for words, _ in REFUSED])
def test_a_mistake_is_refused_without_tensorflow(number, answers, places):
    code, error = answers["refused"][number]
    assert code == 2, error
    assert error.startswith("error: ")
    assert _named(REFUSED[number][1], places[1]) in error
    assert "usage:" not in error and "Traceback" not in error


def test_a_cache_that_cannot_be_written_is_refused_with_the_options(answers):
    for line, (code, error) in zip(CACHE, answers["cache"], strict=True):
        assert code == 2, (line, error)
        assert error.count("cannot be cached in space.toml/cache/activations: ") == 1, (line, error)
        assert "Set KERASCLF_CACHE to another folder." in error
    assert "--jobs: expected a number" in answers["cache"][0][1]


def test_a_mistyped_folder_of_own_copies_is_refused_with_the_options(answers):
    """Otherwise a download would start instead."""
    for line, (code, error) in zip(COPIES, answers["copies"], strict=True):
        assert code == 2, (line, error)
        assert "KERASCLF_DATA: expected the folder of your own copies of data sets. Received: 'my_dta'." in error


@pytest.mark.parametrize("group", ["cache of a user", "copies of a user"])
def test_a_folder_of_an_unknown_user_is_refused_with_the_variable_that_names_it(group, answers):
    (name,) = GROUPS[group][0]
    ((code, error),) = answers[group]
    assert code == 2, error
    assert f"{name}: expected " in error
    assert f"Received: '{UNKNOWN_USER}'." in error


def test_a_wrong_limit_of_prepared_images_is_refused_with_the_options(answers):
    expected = (
        "KERASCLF_IMAGE_CACHE_GB: expected a number of GB, such as 20, or 0 to prepare no images. Received: 'abc'."
    )
    found = answers["prepared"]
    for line, (code, error) in zip(PREPARED, found, strict=True):
        assert code == 2, (line, error)
        assert error.count(expected) == 1, (line, error)
    assert "--epochs: expected at least 1." in found[0][1]
    assert "--repeats: expected at least 1." in found[1][1]
