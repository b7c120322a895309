"""Web servers that do not send what they are asked for."""

from test_web_browser import Server

ERROR_PAGE = b"<!doctype html><title>404</title><p>Not found.</p>"


class HelpfulServer(Server):
    """It answers with a page where a file is missing, as some servers do."""

    def send_error(self, *_: object) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(ERROR_PAGE)))
        self.end_headers()
        self.wfile.write(ERROR_PAGE)


class ForbiddingServer(Server):
    """It refuses to send the decoder."""

    def do_GET(self) -> None:
        if self.path.endswith("decoder.onnx"):
            self.send_error(403)
        else:
            super().do_GET()


class BreakingServer(Server):
    """The connection breaks while the decoder is sent."""

    def do_GET(self) -> None:
        if not self.path.endswith("decoder.onnx"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b"short")
        self.end_early()
        self.close_connection = True

    def end_early(self) -> None:
        """Called when a part was sent."""


class SilentServer(BreakingServer):
    """It begins to send the decoder, and never ends."""

    def end_early(self) -> None:
        self.wfile.flush()
        # Until the browser leaves.
        self.rfile.read(1)
