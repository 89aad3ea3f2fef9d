import json
import shlex
import signal
import socket
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from linesift.cli import main
from linesift.cli.review import _training
from linesift.labelling.label_store import Change, LabelStore
from linesift.labelling.labels import (
    CONTENT,
    NAVIGATION,
    OTHER,
    UNSURE,
    load_label_file,
    read_label_file,
)
from linesift.reading.page import Page
from linesift.reading.readers import read_text
from linesift.review.pages import Guess, pages_to_label
from linesift.review.session import Session
from tests.made_pages import made_page
from tests.reviewing import reviewing

pytest.importorskip("flask", reason="the review extra is not installed")
TOKEN, PORT = "right", 4000
BASE = f"http://127.0.0.1:{PORT}"


def guess(name: str, *certainty: float) -> Guess:
    page = read_text("\n".join(f"{name} {i}" for i in range(len(certainty))), name)
    return Guess(page, np.full(len(certainty), OTHER, np.int8), np.array(certainty))


SURE, UNCERTAIN = guess("../sure", 0.9, 0.99), guess("uncertain", 0.5, 0.9, 0.6)


@pytest.fixture
def store(tmp_path):
    return LabelStore(tmp_path / "labels")


@pytest.fixture
def session(store):
    return Session([SURE, UNCERTAIN], store)


@pytest.fixture
def client(session):
    from linesift.review.server import make_app

    client = make_app(session, token=TOKEN, port=PORT).test_client()
    assert client.get(f"/?token={TOKEN}", base_url=BASE).status_code == 200
    return client


def key_of(session: Session, name: str) -> str:
    return next(one["key"] for one in session.overview()["pages"] if one["name"] == name)


def posted(client, key: str, body: object, *, origin: str | None = BASE, **options):
    headers = {} if origin is None else {"Origin": origin}
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    options = {"content_type": "application/json", "base_url": BASE, **options}
    return client.post(f"/api/pages/{key}", data=data, headers=headers, **options)


# ------------------------------------------------------------------------ the session


def test_the_most_doubtful_pages_come_first_and_those_that_are_done_last(store):
    names = [one["name"] for one in Session([SURE, UNCERTAIN], store).overview()["pages"]]
    assert names == ["uncertain", "../sure"]
    store.save(UNCERTAIN.page, UNCERTAIN.labels, {n: Change(CONTENT) for n in (1, 2, 3)})
    names = [one["name"] for one in Session([SURE, UNCERTAIN], store).overview()["pages"]]
    assert names == ["../sure", "uncertain"]


def test_labels_on_the_disk_are_loaded_and_told_from_guesses(store):
    store.save(UNCERTAIN.page, UNCERTAIN.labels, {2: Change(UNSURE)})
    session = Session([UNCERTAIN], store)
    shown = session.page(key_of(session, "uncertain"))["lines"]
    assert [line["label"] for line in shown] == [None, "unsure", None]
    assert [line["guess"] for line in shown] == ["other"] * 3
    (page,) = session.overview()["pages"]
    assert (page["done"], page["of"], page["doubtful"]) == (1, 3, 2)


def test_progress_counts_what_another_reviewer_saves(session, store):
    LabelStore(store.folder).save(UNCERTAIN.page, UNCERTAIN.labels, {1: Change(CONTENT)})
    assert [one["done"] for one in session.overview()["pages"]] == [1, 0]


def test_a_page_that_changed_since_it_was_labelled_is_named_and_the_others_go_on(store):
    store.save(UNCERTAIN.page, UNCERTAIN.labels, {1: Change(CONTENT)})
    changed = Guess(
        Page("uncertain", ("new", *UNCERTAIN.page.lines[1:]), (1, 2, 3)),
        UNCERTAIN.labels,
        UNCERTAIN.certainty,
    )
    said = []
    session = Session([changed, SURE], store, complain=lambda *what: said.append(what))
    assert len(session) == 1
    ((name, reason),) = said
    assert name == "uncertain"
    assert "line 1 is 'new'" in reason


def test_pages_are_called_by_their_place_below_the_folder_that_was_given(tmp_path):
    (tmp_path / "in" / "below").mkdir(parents=True)
    (tmp_path / "in" / "below" / "a.b.txt").write_text("One\n\nTwo")
    (tmp_path / "in" / "empty.txt").write_text("\n")
    (tmp_path / "in" / "image.txt").write_bytes(b"\x89PNG")
    rows = [
        {"url": "https://www.news.example/a", "text": "x\ud800"},
        {"id": "a\nb", "text": "<!doctype html><html lang='e\n'><p>y"},
    ]
    (tmp_path / "in" / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    said = []
    pages = list(
        pages_to_label(
            [str(tmp_path / "in")], tmp_path / "labels", complain=lambda *what: said.append(what)
        )
    )
    assert [page.page_id for page in pages] == ["below/a.b", "https://www.news.example/a", "a b"]
    assert [page.site for page in pages] == ["", "news.example", ""]
    assert pages[1].lines == ("x?",)
    assert pages[2].language == "e"
    assert [Path(name).name for name, _ in said] == ["empty.txt", "image.txt"]


def test_an_address_that_is_none_does_not_stop_the_pages_after_it(tmp_path):
    rows = [{"url": "http://[bad/x", "text": "One"}, {"url": "http://news.example", "text": "Two"}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pages = list(pages_to_label([str(tmp_path / "rows.jsonl")], tmp_path, complain=print))
    assert [(page.page_id, page.site) for page in pages] == [
        ("http://[bad/x", ""),
        ("http://news.example", "news.example"),
    ]


def test_a_file_that_is_given_twice_is_one_page(tmp_path):
    (tmp_path / "a.txt").write_text("One")
    inputs = [str(tmp_path), str(tmp_path / "a.txt"), str(tmp_path / "a.txt")]
    pages = list(pages_to_label(inputs, tmp_path, complain=print))
    assert [page.page_id for page in pages] == ["a"]


def test_of_an_address_that_was_crawled_twice_the_first_page_counts_and_the_other_is_named(
    tmp_path,
):
    warc = tmp_path / "two.warc"
    warc.write_bytes(b"".join(captured("http://news.example/a", text) for text in ("One", "Two")))
    said = []
    pages = list(pages_to_label([str(warc)], tmp_path, complain=lambda *what: said.append(what)))
    assert [(page.page_id, page.lines) for page in pages] == [("http://news.example/a", ("One",))]
    assert [name for name, _ in said] == ["http://news.example/a"]


def captured(address: str, text: str) -> bytes:
    """Return a record of a WARC file."""
    body = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>{text}</p>".encode()
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {address}\r\n"
        "WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000001>\r\n"
        "Content-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body + b"\r\n\r\n"


def test_a_folder_of_label_files_is_reviewed_in_place_each_page_once(tmp_path):
    (tmp_path / "a.txt").write_text("One\n\nTwo")
    (tmp_path / "a.tsv").write_text("content\tOne\n\nother\tTwo\n")
    (tmp_path / "b.tsv").write_text("# page: b\ncontent\tOne\n")
    pages = list(pages_to_label([str(tmp_path)], tmp_path, complain=print))
    assert [page.page_id for page in pages] == ["a", "b"]


# ------------------------------------------------------------------------ who is answered


@pytest.mark.parametrize("path", ["/", "/api/pages", "/static/review.js", "/?token=wrong"])
def test_without_the_token_nothing_is_answered(session, path):
    from linesift.review.server import make_app

    client = make_app(session, token=TOKEN, port=PORT).test_client()
    answer = client.get(path, base_url=BASE)
    assert answer.status_code == 403
    assert "open the link" in answer.json["error"]
    client.set_cookie(f"linesift-{PORT}", "wrong", domain="127.0.0.1")
    assert client.get(path, base_url=BASE).status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1", "127.0.0.1:4001", "evil.example:4000"]
)
def test_another_host_name_is_refused_even_with_the_token(client, host):
    for path in ("/api/pages", f"/?token={TOKEN}"):
        assert client.get(path, base_url=BASE, headers={"Host": host}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "https://127.0.0.1:4000", "http://127.0.0.1", None]
)
def test_a_page_of_another_origin_changes_nothing(client, session, store, origin):
    body = {"changes": [{"line": 1, "label": "content"}]}
    answer = posted(client, key_of(session, "uncertain"), body, origin=origin)
    assert answer.status_code == 403
    assert "rigin" in answer.json["error"] or "another site" in answer.json["error"]
    assert not store.folder.exists()


def test_every_answer_forbids_what_is_not_ours(client):
    for path in ("/", "/api/pages", "/static/review.css", "/nothing"):
        headers = client.get(path, base_url=BASE).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers
    cookie = client.get(f"/?token={TOKEN}", base_url=BASE).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie


@pytest.mark.parametrize(
    "path",
    [
        "/api/pages/..%2f..%2fetc%2fpasswd",
        "/api/pages/../../etc/passwd",
        "/api/pages/uncertain",
        "/static/..%2fserver.py",
        "/static/../server.py",
        "/static/%2e%2e/server.py",
    ],
)
def test_no_path_leads_out(client, path):
    answer = client.get(path, base_url=BASE)
    assert answer.status_code == 404
    assert answer.json["error"]


# ------------------------------------------------------------------------ what is saved


def test_a_label_is_on_the_disk_when_the_answer_comes(client, session, store):
    body = {"changes": [{"line": 2, "label": "navigation", "was": None}]}
    answer = posted(client, key_of(session, "uncertain"), body)
    assert answer.status_code == 200
    assert [line["label"] for line in answer.json["lines"]] == [None, "navigation", None]
    (path,) = store.folder.iterdir()
    assert read_label_file(path)[1].tolist() == [UNSURE, NAVIGATION, UNSURE]


def test_a_page_named_like_a_path_is_saved_in_the_folder(client, session, store, tmp_path):
    body = {"changes": [{"line": 1, "label": "content"}]}
    assert posted(client, key_of(session, "../sure"), body).status_code == 200
    assert [path.name for path in tmp_path.rglob("*.tsv")] == ["sure.tsv"]
    assert (store.folder / "sure.tsv").exists()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "could not understand"),
        (b"[" * 100_000, "nested too deep"),
        (b"\xff", "could not understand"),
        ([], "list of 'changes'"),
        ({}, "list of 'changes'"),
        ({"changes": []}, "list of 'changes'"),
        ({"changes": ["x"]}, "change 0: expected an object"),
        ({"changes": [{"line": "1", "label": "content"}]}, "'line' must be a whole number"),
        ({"changes": [{"line": True, "label": "content"}]}, "'line' must be a whole number"),
        ({"changes": [{"line": 1}]}, "'label' is missing"),
        ({"changes": [{"line": 1, "label": "advert"}]}, "got 'advert'"),
        ({"changes": [{"line": 1, "label": "content?"}]}, "got 'content?'"),
        ({"changes": [{"line": 1, "label": 0}]}, "a word or null"),
        ({"changes": [{"line": 1, "label": "other", "was": 5}]}, "a word or null"),
        ({"changes": [{"line": 1, "label": "other"}] * 2}, "changed twice"),
        ({"changes": [{"line": 9, "label": "other"}]}, "no line 9"),
        (b" " * (5 << 20), "limit"),
    ],
)
def test_a_bad_request_is_refused_with_a_reason_and_saves_nothing(
    client, session, store, body, reason
):
    answer = posted(client, key_of(session, "uncertain"), body)
    assert 400 <= answer.status_code < 500
    assert reason in answer.json["error"]
    assert not store.folder.exists()


def test_what_is_not_json_and_what_is_no_page_are_refused(client, session):
    body = {"changes": [{"line": 1, "label": "other"}]}
    assert posted(client, "0" * 16, body).status_code == 404
    key = key_of(session, "uncertain")
    assert posted(client, key, body, content_type="text/plain").status_code == 415
    assert client.delete(f"/api/pages/{key}", base_url=BASE, headers={"Origin": BASE}).json["error"]


def test_a_disk_that_fails_is_said_and_the_file_stays(client, session, store, monkeypatch):
    key = key_of(session, "uncertain")
    posted(client, key, {"changes": [{"line": 1, "label": "other"}]})
    before = store.path(UNCERTAIN.page).read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    answer = posted(client, key, {"changes": [{"line": 2, "label": "other"}]})
    assert answer.status_code == 500
    assert "No space left" in answer.json["error"]
    assert store.path(UNCERTAIN.page).read_bytes() == before


def test_labels_that_were_taken_back_do_not_count_as_saved(session):
    key = key_of(session, "uncertain")
    session.save(key, {1: Change(OTHER), 2: Change(CONTENT)})
    session.save(key, {1: Change(None, was=OTHER, firm=False)})
    assert session.close() == {"lines": 1, "pages": 1, "done": 1, "of": 5}


# ------------------------------------------------------------------------ the commands


def test_it_ends_on_interrupt_with_what_was_saved_and_what_to_do_next(model, tmp_path):
    (tmp_path / "a.html").write_text(made_page(10, 0)[0], encoding="utf-8")
    labels = tmp_path / "my labels"
    with reviewing(model, "--labels", labels, tmp_path / "a.html") as (process, link):
        base = link.partition("/?")[0]
        cookie = urllib.request.urlopen(link).headers["Set-Cookie"].partition(";")[0]

        def ask(path: str, body: object = None):
            data = None if body is None else json.dumps(body).encode()
            headers = {"Cookie": cookie, "Origin": base, "Content-Type": "application/json"}
            return json.load(
                urllib.request.urlopen(urllib.request.Request(base + path, data, headers))
            )

        (page,) = ask("/api/pages")["pages"]
        ask(f"/api/pages/{page['key']}", {"changes": [{"line": 1, "label": "unsure"}]})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(base)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 0
    assert "saved labels of 1 line on 1 page;" in out
    assert out.endswith(f"python train.py experiments=my_site 'data.pages={labels}'\n")
    assert "Traceback" not in err
    assert load_label_file(labels / "a.tsv").by_hand.sum() == 1


@pytest.mark.parametrize(
    "name",
    [
        "labels",
        "a/my labels",
        "сторінки/мій сайт",
        "2024",
        "1e3",
        "null",
        "a,b",
        "a=b",
        "it's",
        'q"',
    ],
)
def test_the_training_that_is_named_at_the_end_reads_the_folder_of_the_labels(name):
    parser = pytest.importorskip("hydra.core.override_parser.overrides_parser")
    python, script, *options = shlex.split(_training(Path(name), ()))
    assert (python, script) == ("python", "train.py")
    read = parser.OverridesParser.create().parse_overrides(options)
    assert [(one.key_or_group, one.value()) for one in read] == [
        ("experiments", "my_site"),
        ("data.pages", name),
    ]


def test_a_port_that_is_taken_is_replaced_by_another(model, tmp_path):
    (tmp_path / "a.html").write_text(made_page(10, 0)[0], encoding="utf-8")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        with reviewing(model, "--port", port, "--labels", tmp_path / "l", tmp_path) as (_, link):
            assert f":{port}/" not in link
            assert urllib.request.urlopen(link).status == 200


def run(*arguments: object):
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_prelabel_writes_guesses_and_never_over_hand_labels(model, tmp_path):
    html, page, _ = made_page(10, 0)
    (tmp_path / "a.html").write_text(html, encoding="utf-8")
    labels = tmp_path / "labels"
    command = ["prelabel", "--model", model, "--labels", labels, tmp_path / "a.html"]
    assert run(*command).exit_code == 0
    file = load_label_file(labels / "a.tsv")
    assert file.page.lines == page.lines
    assert not file.by_hand.any()
    text = (labels / "a.tsv").read_text(encoding="utf-8")
    (labels / "a.tsv").write_text(text.replace("?\t", "\t", 1), encoding="utf-8")
    result = run(*command)
    assert result.exit_code == 2
    assert "1 lines are labelled by hand" in result.stderr
    assert load_label_file(labels / "a.tsv").by_hand.sum() == 1
    assert run(*command, "--force").exit_code == 0
    assert not load_label_file(labels / "a.tsv").by_hand.any()


@pytest.mark.parametrize("command", ["review", "prelabel"])
def test_without_a_page_there_is_nothing_to_do(model, tmp_path, command):
    result = run(command, "--model", model, "--labels", tmp_path / "labels", tmp_path / "none")
    assert result.exit_code == 2
    assert "no such file or folder" in result.stderr
    assert not (tmp_path / "labels").exists()


@pytest.mark.parametrize(
    "command", [["review"], ["prelabel"], ["labels"], ["labels", "export"], ["labels", "import"]]
)
def test_the_help_shows_an_example_that_can_be_typed(command):
    shown = run(*command, "--help").output.splitlines()
    heading = next(k for k, line in enumerate(shown) if line.strip() in ("Example:", "Examples:"))
    assert shown[heading + 1].startswith(f"    linesift {' '.join(command)}")
