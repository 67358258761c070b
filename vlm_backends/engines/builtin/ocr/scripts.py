"""Fetch the recogniser of another script, where the owner's settings ask for one."""

from pathlib import Path
from typing import Any

from vlm_backends.config import ocr_folder
from vlm_backends.engines.builtin.ocr_script import further_script
from vlm_backends.errors import Unreachable

_LANGUAGES = {"greek": "el", "tamil": "ta", "telugu": "te", "thai": "th"}  # rapidocr's names


def recogniser_settings() -> dict[str, Any]:
    """Return rapidocr's parameters for the script of the settings, empty for its own recogniser.

    Downloads that recogniser unless the folder has it. Raises Unreachable.
    """
    script = further_script()
    if not script:
        return {}
    from rapidocr import LangRec, ModelType, OCRVersion

    kind = {
        "lang_type": LangRec(_LANGUAGES.get(script, script)),
        "ocr_version": OCRVersion.PPOCRV5,
        "model_type": ModelType.MOBILE,
    }
    source = _source(kind)
    path = ocr_folder() / Path(source["model_dir"]).name
    fetch(source["model_dir"], source["SHA256"], path)
    return {f"Rec.{name}": value for name, value in kind.items()} | {"Rec.model_path": str(path)}


def fetch(url: str, sha256: str, path: Path) -> None:
    """Download a recogniser to `path`, unless it is there already. Raises Unreachable."""
    from rapidocr.utils.download_file import DownloadFile, DownloadFileException, DownloadFileInput
    from rapidocr.utils.log import logger

    failed = f"The recogniser that VLM_OCR_SCRIPT={further_script()} asks for could not be had"
    instead = f"Unset it, or put {path.name} into {path.parent} yourself (from {url})."
    try:
        DownloadFile.run(DownloadFileInput(url, path, logger, sha256, verbose=False))
    except (DownloadFileException, OSError):
        raise Unreachable(f"{failed}: it cannot be downloaded. {instead}") from None
    if not DownloadFile.check_file_sha256(path, sha256):
        path.unlink()
        raise Unreachable(f"{failed}: what arrived is not the file it should be. {instead}")


def _source(kind: dict[str, Any]) -> dict[str, str]:
    """Return where rapidocr finds that recogniser, and its checksum."""
    from rapidocr import EngineType
    from rapidocr.inference_engine.base import FileInfo, InferSession
    from rapidocr.utils.typings import TaskType

    return InferSession.get_model_url(
        FileInfo(EngineType.ONNXRUNTIME, task_type=TaskType.REC, **kind)
    )
