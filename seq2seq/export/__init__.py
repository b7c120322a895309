"""New run folders made from trained ones: averaged checkpoints, small folders for
translation only, and pages that translate."""

from seq2seq.export.average import average
from seq2seq.export.onnx_package import export_onnx_run
from seq2seq.export.package import export_run
from seq2seq.export.web_package import export_web_run

__all__ = ["average", "export_onnx_run", "export_run", "export_web_run"]
