"""The labelling page, served to this machine alone.

Whoever reads the pages or changes labels must have been given the link: its random
token becomes a cookie, and without it nothing is answered. A page of another site that
the same browser shows can neither ask (the Host must be ours, whatever name leads
here) nor change anything (the Origin must be ours). What the browser may load is
stated by a policy, and all of it comes from here.
"""

import hmac
import secrets
import socket
from importlib import resources
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from linesift.labelling.label_store import Change
from linesift.labelling.labels import LabelError, label_code
from linesift.review.session import Session

_HOST = "127.0.0.1"
_LARGEST_REQUEST = 4 << 20
_STATIC = {
    "review.css": "text/css",
    "review.js": "text/javascript",
    "work.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class RequestError(ValueError):
    """A request that is not answered; the message says why.

    Parameters
    ----------
    reason : str
    status : int
        Of HTTP.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


def make_app(session: Session, *, token: str, port: int) -> Flask:
    """Return the application.

    Parameters
    ----------
    session : Session
    token : str
        Without it nothing is answered.
    port : int
        Of the address that it is served at.
    """
    app = Flask("linesift.review", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _LARGEST_REQUEST
    hosts = {f"{_HOST}:{port}", f"localhost:{port}"}
    cookie = f"linesift-{port}"  # cookies of one host are shared between its ports

    @app.before_request
    def check() -> None:
        if request.host not in hosts:
            raise RequestError("this server answers only under the address it printed", 403)
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            raise RequestError("a page of another site may not ask", 403)
        if request.method not in ("GET", "HEAD") and origin is None:
            raise RequestError("the Origin header is missing", 403)
        linked = request.path == "/" and _same(request.args.get("token", ""), token)
        if not linked and not _same(request.cookies.get(cookie, ""), token):
            raise RequestError("open the link that linesift review printed", 403)

    @app.after_request
    def protect(answer: Response) -> Response:
        answer.headers.update(_HEADERS)
        return answer

    @app.errorhandler(RequestError)
    def refused(error: RequestError) -> tuple[Response, int]:
        return jsonify(error=str(error)), error.status

    @app.errorhandler(HTTPException)
    def failed(error: HTTPException) -> tuple[Response, int]:
        return jsonify(error=error.description), error.code or 500

    @app.errorhandler(LabelError)
    def changed(error: LabelError) -> tuple[Response, int]:
        return jsonify(error=str(error)), 409

    @app.errorhandler(OSError)
    def unwritten(error: OSError) -> tuple[Response, int]:
        return jsonify(error=f"not saved: {error.strerror or error}"), 500

    @app.get("/")
    def index() -> Response:
        answer = _static("review.html", "text/html")
        answer.set_cookie(cookie, token, httponly=True, samesite="Strict")
        return answer

    @app.get("/static/<name>")
    def static(name: str) -> Response:
        if name not in _STATIC:
            raise RequestError("there is no such file", 404)
        return _static(name, _STATIC[name])

    @app.get("/api/pages")
    def overview() -> Response:
        return jsonify(session.overview())

    @app.get("/api/pages/<key>")
    def page(key: str) -> Response:
        try:
            return jsonify(session.page(key))
        except KeyError:
            raise RequestError("there is no such page", 404) from None

    @app.post("/api/pages/<key>")
    def save(key: str) -> Response:
        try:
            changes = read_changes(request.get_json())
        except RecursionError:
            raise RequestError("the JSON is nested too deep") from None
        try:
            return jsonify(session.save(key, changes))
        except KeyError:
            raise RequestError("there is no such page", 404) from None

    return app


def _same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


def _static(name: str, kind: str) -> Response:
    data = resources.files("linesift.review").joinpath("static", name).read_bytes()
    return Response(data, content_type=f"{kind}; charset=utf-8")


def read_changes(body: Any) -> dict[int, Change]:
    """Return the changes of a request.

    Raises
    ------
    RequestError
        It is not made so; the message says where.

    Examples
    --------
    >>> read_changes({"changes": [{"line": 3, "label": "other", "was": None}]})
    {3: Change(label=3, was=None, firm=True)}
    """
    changes = body.get("changes") if isinstance(body, dict) else None
    if not isinstance(changes, list) or not changes:
        raise RequestError("expected an object with a list of 'changes'")
    read: dict[int, Change] = {}
    for i, one in enumerate(changes):
        where = f"change {i}"
        if not isinstance(one, dict):
            raise RequestError(f"{where}: expected an object")
        line, firm = one.get("line"), one.get("firm", True)
        if type(line) is not int or type(firm) is not bool:
            raise RequestError(f"{where}: 'line' must be a whole number, 'firm' true or false")
        if line in read:
            raise RequestError(f"{where}: line {line} is changed twice")
        if "label" not in one:
            raise RequestError(f"{where}: 'label' is missing")
        read[line] = Change(_label(one["label"], where), _label(one.get("was"), where), firm)
    return read


def _label(name: Any, where: str) -> int | None:
    if name is None:
        return None
    if not isinstance(name, str):
        raise RequestError(f"{where}: a label is a word or null")
    try:
        return label_code(name, where)
    except LabelError as error:
        raise RequestError(str(error)) from error


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Say nothing: a terminal full of requests hides what matters."""


def serve(session: Session, port: int = 0) -> tuple[BaseWSGIServer, str]:
    """Return a server, already listening, and the link to it.

    Parameters
    ----------
    session : Session
    port : int
        Another one is taken if it is not free, and with 0.
    """
    listener = _listener(port)
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    app = make_app(session, token=token, port=port)
    with listener:  # the server listens on a duplicate
        server = make_server(
            _HOST, port, app, threaded=True, request_handler=_Quiet, fd=listener.fileno()
        )
    return server, f"http://{_HOST}:{port}/?token={token}"


def _listener(port: int) -> socket.socket:
    for wanted in (port, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((_HOST, wanted))
            listener.listen()
        except OSError:
            listener.close()
            if wanted == 0:
                raise
        else:
            return listener
    raise AssertionError("unreachable")
