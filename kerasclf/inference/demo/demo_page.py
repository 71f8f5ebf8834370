"""The page of `kerasclf demo`, made with gradio: it takes an image and shows the answer of a model."""

import base64
import html
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kerasclf.errors import KerasclfError
from kerasclf.escaping import visible
from kerasclf.inference.demo.demo_answers import CLASSES, Answer, Answers

# Seconds between two clearings of the temporary files, and the age of what is removed.
_CLEAR_EVERY_S, _KEEP_S = 60, 600
_LARGEST_UPLOAD = "512mb"  # as for files in a folder
_PICTURE_HEIGHT = 320
_CSS = """
.gradio-container { max-width: 68rem !important; margin: 0 auto !important; }
.kerasclf * { overflow-wrap: anywhere; }
.kerasclf p { margin: .2rem 0; }
.kerasclf li { margin: .2rem 0 .2rem 1.2rem; list-style: disc; }
.kerasclf-pictures { display: flex; gap: .8rem; margin: .4rem 0; }
.kerasclf-pictures figure { flex: 1 1 0; min-width: 0; margin: 0; }
.kerasclf-pictures img { width: 100%; max-height: 20rem; object-fit: contain; object-position: left; }
"""
_JPEG_QUALITY = 85
_BARS = {"label": "Probabilities", "num_top_classes": CLASSES, "show_heading": False}
_ASK = "Choose a photograph, or take one with the webcam."


@dataclass(frozen=True)
class PageText:
    """The texts of the page.

    Args:
        title: The network and its data.
        known: What is known of the model, in sentences.
        untested: Kinds of images on which it was not tested.
        nearest_problem: Why there are no nearest training images; empty if there are.
    """

    title: str
    known: Sequence[str]
    untested: Sequence[str]
    nearest_problem: str = ""


def make_app(answers: Answers, text: PageText, folder: Path) -> Any:
    """Returns the page as a FastAPI application.

    Args:
        answers: Answers for images.
        text: The texts of the page.
        folder: An empty folder for uploads and pictures; the caller removes it.
    """
    gradio = _import_gradio(folder)
    from fastapi import FastAPI

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    theme = gradio.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    return gradio.mount_gradio_app(
        app,
        _blocks(gradio, answers, text),
        path="",
        footer_links=[],
        run_history=False,
        max_file_size=_LARGEST_UPLOAD,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=theme,
        css=_CSS,
    )


def _import_gradio(folder: Path) -> Any:
    """Imports gradio, which reads some of its settings only then. It reports nothing to its makers."""
    os.environ |= {
        "GRADIO_ANALYTICS_ENABLED": "False",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "GRADIO_TEMP_DIR": str(folder),
    }
    import gradio

    return gradio


def _blocks(gradio: Any, answers: Answers, text: PageText) -> Any:
    clearing = (_CLEAR_EVERY_S, _KEEP_S)
    with gradio.Blocks(title=visible(text.title), analytics_enabled=False, delete_cache=clearing) as page:
        gradio.HTML(f"<h1>{_escaped(text.title)}</h1>")
        with gradio.Row():
            with gradio.Column():
                image = gradio.Image(
                    label="Your image",
                    image_mode=None,
                    sources=["upload", "webcam"],
                    buttons=[],
                    height=_PICTURE_HEIGHT,
                )
                # gradio would open the file, and change it, before it is read as in training.
                image.preprocess = lambda upload: upload
            with gradio.Column():
                said = _html(gradio, _paragraphs([_ASK]))
                bars = gradio.Label(visible=False, **_BARS)
                _html(gradio, _paragraphs(answers.notes))
        with gradio.Row():
            with gradio.Column():
                overlay = _html(gradio, "", visible=False)
            with gradio.Column():
                nearest = _html(gradio, "", visible=False)
        if text.nearest_problem:
            _html(gradio, _paragraphs([text.nearest_problem]))
        _html(gradio, _limits(text))
        shown = [said, bars, overlay, nearest]
        image.change(_shower(gradio, answers), image, shown, api_visibility="private", show_progress="minimal")
    return page


def _html(gradio: Any, content: str, visible: bool = True) -> Any:
    return gradio.HTML(content, elem_classes="kerasclf", visible=visible)


def _shower(gradio: Any, answers: Answers) -> Callable[[Any], tuple[str, Any, Any, Any]]:
    """Returns the function from an upload, which is None if the user has removed it, to the contents of the page."""
    hidden = tuple(gradio.update(value=None, visible=False) for _ in range(3))

    def show(upload: Any) -> tuple[str, Any, Any, Any]:
        if upload is None:
            return _paragraphs([_ASK]), *hidden
        path = Path(upload.path)
        try:
            answer = answers.answer(path, upload.orig_name or path.name)
        except KerasclfError as error:
            return _paragraphs([str(error)]), *hidden
        if answer.prediction.problem:
            return _paragraphs(answer.sentences), *hidden
        first, *others = answer.sentences
        return (
            f"<h2>{_escaped(first)}</h2>{_paragraphs(others)}",
            gradio.update(value=_probabilities(answer), visible=True),
            gradio.update(value=_overlay(answer), visible=answer.overlay is not None),
            gradio.update(value=_nearest(answer), visible=bool(answer.neighbours)),
        )

    return show


def _probabilities(answer: Answer) -> dict[str, float]:
    found = answer.prediction
    return {visible(name): p for name, p in zip(found.classes, found.probabilities, strict=True)}


def _overlay(answer: Answer) -> str:
    if answer.overlay is None:
        return ""
    return f"<h3>Where it looks</h3>{_pictures([(answer.overlay, 'Red positions support the answer most.')])}"


def _nearest(answer: Answer) -> str:
    return f"<h3>Nearest training images</h3>{_pictures([(one.image, one.class_name) for one in answer.neighbours])}"


def _pictures(captioned: Sequence[tuple[NDArray[np.uint8], str]]) -> str:
    """Returns pictures with their captions, side by side."""
    figures = "".join(
        f'<figure><img alt="" src="{_data_url(image)}"><figcaption>{_escaped(caption)}</figcaption></figure>'
        for image, caption in captioned
    )
    return f'<div class="kerasclf-pictures">{figures}</div>'


def _data_url(image: NDArray[np.uint8]) -> str:
    """Returns a picture as part of the page: no file of it is written."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _paragraphs(sentences: Sequence[str]) -> str:
    return "".join(f"<p>{_escaped(sentence)}</p>" for sentence in sentences)


def _limits(text: PageText) -> str:
    known, untested = (
        "".join(f"<li>{_escaped(sentence)}</li>" for sentence in sentences) for sentences in (text.known, text.untested)
    )
    return f"<h2>The limits of this model</h2><ul>{known}</ul><h3>Not tested</h3><ul>{untested}</ul>"


def _escaped(text: str) -> str:
    return html.escape(visible(text))
