"""A mail server nobody here wrote (PyPI aiosmtpd), with STARTTLS and a certificate of an authority made for it."""

import asyncio
import email
import email.policy
import logging
import pathlib
import queue
import socket
import ssl
import threading

import trustme
from aiosmtpd.controller import Controller

# A sender that hangs up is what some tests are about.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Mail:
    """One that was handed over."""

    def __init__(self, session, envelope):
        self.encrypted = session.ssl is not None
        self.sender, self.receivers = envelope.mail_from, envelope.rcpt_tos
        self.message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.id = self.message["message-id"]
        self.text = self.message.get_body(("plain",)).get_content()
        self.html = self.message.get_body(("html",)).get_content()


class Hold:
    """Stops the server from answering the DATA of a receiver until released."""

    def __init__(self):
        self.reached = threading.Event()
        self._loop = None
        self._go = asyncio.Event()

    async def pause(self):
        self._loop = asyncio.get_running_loop()
        self.reached.set()
        await self._go.wait()

    def release(self):
        self._loop.call_soon_threadsafe(self._go.set)


class Server:
    """Down until `up`. What it took over is in `inbox`, in that order."""

    def __init__(self, folder):
        self.port = free_port()
        self.inbox = queue.Queue()
        # What RCPT TO answers instead of 250, one after another.
        self.refusals = []
        # By receiver.
        self.holds = {}
        authority = trustme.CA()
        self.authority = pathlib.Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(self.authority)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self._controller = None

    def up(self):
        # In the clear it takes mail too: that none comes so is the sender's merit.
        self._controller = Controller(
            self,
            hostname="127.0.0.1",
            port=self.port,
            server_hostname="mail.test",
            ready_timeout=60,
            tls_context=self._context,
        )
        self._controller.start()

    def down(self):
        if self._controller:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if self.refusals:
            return self.refusals.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, _server, session, envelope):
        mail = Mail(session, envelope)
        self.inbox.put(mail)
        hold = self.holds.get(envelope.rcpt_tos[0])
        if hold:
            await hold.pause()
        return "250 taken"
