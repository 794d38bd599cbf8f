import http.client
import json
import socket
import threading

import pytest

from dsjax.errors import ConfigError
from dsjax.report.live import LiveReport
from dsjax.report.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("waiting") / "run <1>"
    with Server(LiveReport([folder], lambda folders: None), 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(server, path, host="localhost", method="GET"):
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    if host is not None:
        connection.putheader("Host", host)
    connection.endheaders()
    answer = connection.getresponse()
    content = answer.read().decode()
    connection.close()
    return answer, content


@pytest.mark.parametrize("path", ["/", "/content", "/status", "/live.js", "/none"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8710", None])
def test_a_request_that_names_another_host_is_refused(server, path, host):
    answer, content = get(server, path, host)
    assert answer.status == 403
    assert content == "this server answers requests to localhost alone\n"


def test_it_listens_on_this_machine_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert server.url == f"http://127.0.0.1:{server.server_port}/"


def test_what_there_is_to_get(server):
    answer, content = get(server, "/?x")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "Waiting for the end of the first round" in content
    assert "run &lt;1&gt;" in content and "run <1>" not in content
    status = json.loads(get(server, "/status")[1])
    assert status["version"] == json.loads(get(server, "/content")[1])["version"]
    answer, content = get(server, "/live.js")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert "steadily" in content
    assert get(server, "/none")[0].status == 404
    answer, content = get(server, "/", method="HEAD")
    assert (answer.status, content) == (200, "")
    assert get(server, "/", method="POST")[0].status == 501


@pytest.mark.parametrize(("port", "reason"), [(65536, "must be 0 to 65535"), (-1, "must be 0 to 65535")])
def test_a_port_that_there_is_not(port, reason):
    with pytest.raises(ConfigError, match=f"--port {port}: {reason}"):
        Server(LiveReport([], lambda folders: None), port)


def test_a_taken_port_is_one_line():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"^--port {port}: another process uses it; choose another, or 0 for any"):
            Server(LiveReport([], lambda folders: None), port)
