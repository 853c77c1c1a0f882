"""Mail of the real binary, received by a mail server nobody here wrote: how it reads, that none is lost when the
process is killed or the server fails, and that nobody but the receiver sees its code."""

import concurrent.futures
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import queue
import re
import sqlite3
import subprocess
import tempfile
import threading
import time
import unittest

import requests
from smtp_server import Hold, Server, free_port

ROOT = pathlib.Path(__file__).resolve().parents[3]
BINARY = os.environ.get("E2E_BINARY", str(ROOT / "target" / "release" / "countersign"))
# A try after a failed one: 5 s and by chance a quarter more. After a kill: the lease of 60 s. And a busy machine.
SOON, AFTER_LEASE = 30, 120
GRACE = "grace@example.com"
PASSWORD = "analytical-engine-1837"


class SmsService:
    """Takes text messages as a webhook; `answers` are what it says before 200."""

    def __init__(self, *answers):
        self.answers, self.calls = list(answers), queue.Queue()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                service.calls.put((self.headers, body))
                self.send_response(service.answers.pop(0) if service.answers else 200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/sms"

    def settings(self, secret):
        return f"""
            [sms]
            sink = "http"
            preset = "webhook"
            url = "{self.url}"
            secret = "{secret}"
            [egress]
            allow = ["127.0.0.1/32"]
            """

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Issuer:
    """The binary with its data and its mail server; can be killed and started again."""

    def __init__(self, *people, level="info", trusting=True, tls="?tls=required", more=""):
        self._folder = tempfile.TemporaryDirectory(prefix="countersign-mail-")
        self.dir = pathlib.Path(self._folder.name)
        self.smtp = Server(self.dir)
        self.url = f"http://localhost:{free_port()}"
        self.config = self.dir / "countersign.toml"
        self.config.write_text(
            f"""
            issuer = "{self.url}"
            listen = "127.0.0.1:{self.url.rpartition(":")[2]}"
            data_dir = "{self.dir}"
            [log]
            level = "{level}"
            [mail]
            sink = "smtp"
            smtp_url = "smtp://127.0.0.1:{self.smtp.port}{tls}"
            from = "Example <no-reply@id.example>"
            {more}
            """
        )
        self.env = dict(os.environ)
        self.env.pop("SSL_CERT_DIR", None)
        self.env.pop("SSL_CERT_FILE", None)
        if trusting:
            self.env["SSL_CERT_FILE"] = str(self.smtp.authority)
        self.child = None
        self.log = self.dir / "server.log"
        for person in people or (GRACE,):
            self.cli("user", "add", person, "--name", "Grace Hopper", "--email-verified")

    def up(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                [BINARY, "serve", "--config", self.config], stdout=log, stderr=log, env=self.env
            )
        deadline = time.monotonic() + SOON
        while True:
            try:
                if requests.get(self.url + "/readyz", timeout=5).ok:
                    return
            except requests.ConnectionError:
                pass
            if time.monotonic() > deadline or self.child.poll() is not None:
                raise RuntimeError(self.log.read_text())

    def kill(self):
        """kill -9."""
        self.child.kill()
        self.child.wait(timeout=SOON)

    def down(self):
        """Ends it as an operator does: what is under way is finished."""
        if self.child and self.child.poll() is None:
            self.child.terminate()
            self.child.wait(timeout=60)

    def close(self):
        if self.child and self.child.poll() is None:
            self.kill()
        self.smtp.down()
        self._folder.cleanup()

    def cli(self, *args, stdin=""):
        return self.run(*args, stdin=stdin).stdout

    def run(self, *args, stdin=""):
        command = [BINARY, *args, "--config", self.config]
        run = subprocess.run(command, input=stdin, text=True, capture_output=True, env=self.env)
        if run.returncode:
            raise RuntimeError(run.stderr)
        return run

    def outbox(self):
        return json.loads(self.cli("outbox", "list", "--json"))

    def until(self, what, seen, seconds=SOON):
        """The outbox, once `seen` of it."""
        deadline = time.monotonic() + seconds
        while True:
            outbox = self.outbox()
            if seen(outbox):
                return outbox
            if time.monotonic() > deadline:
                raise AssertionError(f"{what}: {outbox}\n{self.log.read_text()}")

    def ask(self, person=GRACE, by="code"):
        """Asks for a code, or (`request`) a link with one beside it; answers `flow`."""
        answer = self.post(f"/auth/passwordless/{by}", email=person)
        if answer.status_code != 202:
            raise AssertionError(f"{answer.status_code} {answer.text}")
        return answer.json()["flow"]

    def verify(self, flow, code, person=GRACE):
        return self.post("/auth/passwordless/verify", email=person, code=code, flow=flow)

    def post(self, path, **body):
        return requests.post(self.url + path, json=body, timeout=SOON)

    def events(self, kind):
        with contextlib.closing(sqlite3.connect(f"file:{self.dir}/countersign.db?mode=ro", uri=True)) as store:
            rows = store.execute("SELECT data FROM event WHERE kind = ?", (kind,)).fetchall()
        return [json.loads(data) for (data,) in rows]

    def nothing_more(self):
        """Nothing waits, nothing is under way, nothing runs: no further mail can come."""
        self.until("an empty outbox", lambda outbox: outbox == [])
        self.down()
        return self.smtp.inbox.empty()


def code_in(mail):
    (code,) = re.findall(r"(?<![\w-])\d{6}(?![\w-])", mail.text)
    return code


class MailTest(unittest.TestCase):
    def issuer(self, *people, **settings):
        issuer = Issuer(*people, **settings)
        self.addCleanup(issuer.close)
        return issuer

    def good(self, issuer, mail, flow, person=GRACE):
        """It came encrypted, to that person alone, and its code lets them in."""
        self.assertTrue(mail.encrypted)
        self.assertEqual(mail.receivers, [person])
        answer = issuer.verify(flow, code_in(mail), person)
        self.assertEqual(answer.status_code, 200, answer.text)
        self.assertIn("access_token", answer.json())


class Received(MailTest):
    def test_it_reads_as_mail_and_its_code_is_good_once(self):
        issuer = self.issuer()
        issuer.smtp.up()
        issuer.up()
        flow = issuer.ask()
        mail = issuer.smtp.inbox.get(timeout=SOON)
        code = code_in(mail)
        message = mail.message
        self.assertEqual(message.defects, [])
        self.assertEqual(mail.sender, "no-reply@id.example")
        self.assertEqual(message["from"].addresses[0].addr_spec, "no-reply@id.example")
        self.assertEqual(message["from"].addresses[0].display_name, "Example")
        self.assertEqual([a.addr_spec for a in message["to"].addresses], [GRACE])
        self.assertEqual(message["auto-submitted"], "auto-generated")
        self.assertEqual(message.get_content_type(), "multipart/alternative")
        self.assertIn(code, message["subject"])
        self.assertRegex(mail.id, r"^<[\w-]{22}@id\.example>$")
        self.assertIn(code, mail.html)
        for body in (mail.text, mail.html):
            self.assertIn("Grace Hopper", body)
        wrong = f"{(int(code) + 1) % 1_000_000:06}"
        self.assertEqual(issuer.verify(flow, wrong).status_code, 401)
        self.good(issuer, mail, flow)
        self.assertNotEqual(issuer.verify(flow, code).status_code, 200)
        self.assertTrue(issuer.nothing_more())

    def test_a_server_that_nobody_vouches_for_gets_nothing(self):
        issuer = self.issuer(trusting=False)
        issuer.smtp.up()
        issuer.up()
        issuer.ask()
        (job,) = issuer.until("a failed try", lambda outbox: outbox and outbox[0]["error"])
        self.assertEqual(job["state"], "waiting")
        self.assertIn("certificate", job["error"])
        self.assertTrue(issuer.smtp.inbox.empty())

    def test_on_this_machine_it_goes_in_the_clear_unless_tls_is_asked_for(self):
        issuer = self.issuer(trusting=False, tls="")
        issuer.smtp.up()
        self.assertIn("in the clear", issuer.cli("doctor"))
        issuer.up()
        flow = issuer.ask()
        mail = issuer.smtp.inbox.get(timeout=SOON)
        self.assertFalse(mail.encrypted)
        self.assertEqual(issuer.verify(flow, code_in(mail)).status_code, 200)
        self.assertTrue(issuer.nothing_more())


class Killed(MailTest):
    """kill -9 of the server, and a start on the same data: no mail is lost."""

    def right_after_the_answer(self):
        issuer = self.issuer()
        issuer.up()
        flow = issuer.ask()
        issuer.kill()
        return issuer, flow, None

    def after_a_failed_try(self):
        issuer = self.issuer()
        issuer.up()
        flow = issuer.ask()
        issuer.until("a failed try", lambda outbox: outbox and outbox[0]["error"])
        issuer.kill()
        return issuer, flow, None

    def before_the_server_says_it_took_it(self):
        issuer = self.issuer()
        issuer.smtp.holds[GRACE] = hold = Hold()
        issuer.smtp.up()
        issuer.up()
        flow = issuer.ask()
        self.assertTrue(hold.reached.wait(SOON))
        issuer.kill()
        issuer.smtp.down()
        issuer.smtp.holds.clear()
        return issuer, flow, issuer.smtp.inbox.get(timeout=SOON)

    def goes_on(self, moment):
        issuer, flow, before = moment()
        self.assertEqual(len(issuer.outbox()), 1, "it is kept")
        issuer.smtp.up()
        issuer.up()
        mail = issuer.smtp.inbox.get(timeout=AFTER_LEASE)
        if before:
            # At least once, and whoever receives both can tell.
            self.assertEqual(mail.id, before.id)
            self.assertEqual(code_in(mail), code_in(before))
        self.good(issuer, mail, flow)
        self.assertTrue(issuer.nothing_more(), "exactly one more")

    def test_none_is_lost(self):
        moments = [
            self.right_after_the_answer,
            self.right_after_the_answer,
            self.after_a_failed_try,
            self.before_the_server_says_it_took_it,
        ]
        # Beside each other, since a lease is waited for.
        with concurrent.futures.ThreadPoolExecutor(len(moments)) as pool:
            for done in [pool.submit(self.goes_on, moment) for moment in moments]:
                done.result()


class Failing(MailTest):
    def test_a_refusal_for_now_is_tried_again(self):
        issuer = self.issuer()
        issuer.smtp.refusals = ["450 4.2.1 later"]
        issuer.smtp.up()
        issuer.up()
        flow = issuer.ask()
        self.good(issuer, issuer.smtp.inbox.get(timeout=SOON), flow)
        self.assertEqual(issuer.smtp.refusals, [])
        self.assertTrue(issuer.nothing_more())

    def test_a_server_that_was_down_gets_it_when_it_is_back(self):
        issuer = self.issuer()
        issuer.up()
        flow = issuer.ask()
        (job,) = issuer.until("a failed try", lambda outbox: outbox and outbox[0]["error"])
        self.assertEqual((job["state"], job["tries"]), ("waiting", 1))
        issuer.smtp.up()
        self.good(issuer, issuer.smtp.inbox.get(timeout=SOON), flow)
        self.assertTrue(issuer.nothing_more())

    def test_a_refusal_for_good_ends_it_until_somebody_tries_again(self):
        issuer = self.issuer()
        issuer.smtp.refusals = [f"550 5.1.1 <{GRACE}>: no such user"]
        issuer.smtp.up()
        issuer.up()
        flow = issuer.ask()
        (job,) = issuer.until("a dead message", lambda outbox: outbox and outbox[0]["state"] == "dead")
        self.assertIn("550", job["error"])
        self.assertNotIn(GRACE, job["error"])
        self.assertIsNone(job["next_at"])
        (event,) = issuer.events("message.dead")
        self.assertEqual((event["message"], event["way"]), (job["id"], "mail"))
        self.assertNotIn(GRACE, json.dumps(event))
        self.assertNotIn(GRACE, issuer.log.read_text())
        listed = issuer.cli("outbox", "list") + issuer.cli("outbox", "show", job["id"])
        issuer.cli("outbox", "retry", job["id"])
        mail = issuer.smtp.inbox.get(timeout=SOON)
        self.assertEqual(mail.id, f"<{job['id']}@id.example>")
        self.assertNotIn(code_in(mail), listed)
        self.good(issuer, mail, flow)
        self.assertTrue(issuer.nothing_more())

    def test_one_that_stalls_holds_up_no_other(self):
        stalled = [f"slow{n}@example.com" for n in range(3)]
        others = [f"quick{n}@example.com" for n in range(5)]
        issuer = self.issuer(*stalled, *others)
        issuer.smtp.holds = {person: Hold() for person in stalled}
        issuer.smtp.up()
        issuer.up()
        for person in stalled:
            issuer.ask(person)
        for person, hold in issuer.smtp.holds.items():
            self.assertTrue(hold.reached.wait(SOON), person)
        arrived = {issuer.smtp.inbox.get(timeout=SOON).receivers[0] for _ in stalled}
        self.assertEqual(arrived, set(stalled))
        flows = {person: issuer.ask(person) for person in others}
        for _ in others:
            mail = issuer.smtp.inbox.get(timeout=SOON)
            self.good(issuer, mail, flows.pop(mail.receivers[0]), mail.receivers[0])
        self.assertEqual(flows, {})
        for hold in issuer.smtp.holds.values():
            hold.release()
        issuer.until("an empty outbox", lambda outbox: outbox == [])


    def test_stalled_mail_keeps_no_text_message(self):
        service = SmsService(503)
        self.addCleanup(service.close)
        # As many as are handed over at once.
        stalled = [f"slow{n}@example.com" for n in range(16)]
        issuer = self.issuer(*stalled, more=service.settings(secret="Jefe"))
        ada = json.loads(issuer.cli("user", "add", "ada@example.com", "--password-stdin", "--json", stdin=PASSWORD + "\n"))
        # As if she had confirmed the number on the pages.
        with contextlib.closing(sqlite3.connect(issuer.dir / "countersign.db")) as store, store:
            store.execute("INSERT INTO phone VALUES (?, '+15550123', 0)", (ada["id"],))
        issuer.smtp.holds = dict.fromkeys(stalled, Hold())
        issuer.smtp.up()
        issuer.up()
        for person in stalled:
            issuer.ask(person)
        issuer.until("16 under way", lambda outbox: [job["tries"] for job in outbox] == [1] * 16)
        self.assertTrue(issuer.smtp.holds[stalled[0]].reached.wait(SOON))
        partial = issuer.post("/auth/login", username="ada@example.com", password=PASSWORD).json()
        challenge = issuer.post("/auth/mfa/challenge", token=partial["token"], method="sms")
        self.assertEqual(challenge.status_code, 202, challenge.text)
        (_, refused), (headers, body) = (service.calls.get(timeout=SOON) for _ in range(2))
        self.assertEqual(refused, body, "the same once more")
        due, made = (part.split("=", 1)[1] for part in headers["X-Countersign-Signature"].split(","))
        self.assertEqual(made, hmac.new(b"Jefe", due.encode() + b"." + body, hashlib.sha256).hexdigest())
        said = json.loads(body)
        self.assertEqual((said["to"], said["id"]), ("+15550123", headers["Idempotency-Key"]))
        (code,) = re.findall(r"\b\d{6}\b", said["text"])
        done = issuer.post("/auth/mfa/verify", token=challenge.json()["token"], code=code, method="sms")
        self.assertEqual(done.status_code, 200, done.text)
        issuer.smtp.holds[stalled[0]].release()


class Unseen(MailTest):
    def test_codes_and_links_are_in_the_mail_alone(self):
        issuer = self.issuer(level="debug")
        issuer.up()
        issuer.ask(by="request")
        issuer.ask(by="code")
        jobs = issuer.until("two failed tries", lambda outbox: [j["error"] is not None for j in outbox] == [True] * 2)
        runs = [issuer.run("outbox", "list"), issuer.run("outbox", "list", "--json")]
        for job in jobs:
            runs += [issuer.run("outbox", "show", job["id"]), issuer.run("outbox", "show", job["id"], "--json")]
        issuer.smtp.up()
        mails = [issuer.smtp.inbox.get(timeout=SOON) for _ in jobs]
        issuer.nothing_more()
        secrets = {code_in(mail) for mail in mails}
        (token,) = {t for mail in mails for t in re.findall(r"token=([\w-]+)", mail.text)}
        secrets.add(token)
        self.assertEqual(len(secrets), 3)
        shown = "".join(run.stdout + run.stderr for run in runs)
        self.assertEqual(shown.count(jobs[0]["id"]), 4, "they do show the messages")
        log = issuer.log.read_text()
        self.assertIn('"level":"DEBUG"', log)
        self.assertIn(jobs[0]["id"], log)
        kept = b"".join(path.read_bytes() for path in issuer.dir.glob("countersign.db*"))
        for secret in secrets:
            self.assertNotIn(secret, shown)
            self.assertNotIn(secret, log)
            self.assertNotIn(secret.encode(), kept)

    def test_an_id_that_begins_with_a_dash_is_one(self):
        issuer = self.issuer()
        for command in ("show", "retry", "remove"):
            for id in ("-c" + "A" * 20, "-q" + "A" * 20, "--" + "A" * 20):
                with self.assertRaises(RuntimeError) as refused:
                    issuer.cli("outbox", command, id)
                self.assertIn(id, str(refused.exception))
                self.assertNotIn("argument", str(refused.exception))
