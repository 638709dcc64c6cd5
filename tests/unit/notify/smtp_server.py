#!/usr/bin/python3
"""A scripted SMTP server for email_channel_test.

It prints "port N" once it listens on loopback, appends one JSON line to --mails for each mail
that it took, and ends when its standard input does. Recipients script their own fate by the
local part of their address: refused@ 550, later@ 451, hang@ no reply, drop@ the connection
breaks; likewise senders refused@ (550 to MAIL) and message-refused@ (554 after DATA),
slow-answer@ (3 s after DATA). With StartTLS it offers SMTPUTF8."""

import argparse
import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


class Script:
    def __init__(self, arguments):
        self.arguments = arguments

    async def handle_MAIL(self, server, session, envelope, address, options):
        if address.startswith("refused@"):
            return "550 5.7.1 sender not allowed"
        envelope.mail_from = address
        envelope.asked = [option.split("=")[0] for option in options]
        return "250 2.1.0 ok"

    async def handle_RCPT(self, server, session, envelope, address, options):
        outcome = address.split("@")[0]
        if outcome == "refused":
            return "550 5.1.1 no such user"
        if outcome == "later":
            return "451 4.7.1 greylisted, try again"
        if outcome == "too-many":
            return "552 5.5.3 too many recipients"
        if outcome == "hang":
            await asyncio.sleep(3600)
        if outcome == "drop":
            server.transport.abort()
            return "421 gone"
        envelope.rcpt_tos.append(address)
        return "250-2.1.5 a reply\r\n250 2.1.5 of two lines"

    async def handle_DATA(self, server, session, envelope):
        if envelope.mail_from.startswith("message-refused@"):
            return "554 5.6.0 message not wanted"
        if envelope.mail_from.startswith("slow-answer@"):
            await asyncio.sleep(3)
        mail = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "message": envelope.original_content.decode("ascii"),
            "tls": session.ssl is not None or self.arguments.tls == "Implicit",
            "user": session.auth_data.login.decode() if session.auth_data else "",
            "peer": session.peer[1],
            "helo": session.host_name,
            "options": envelope.asked,
        }
        with open(self.arguments.mails, "a") as mails:
            mails.write(json.dumps(mail) + "\n")
        return "250 2.0.0 taken"

    def authenticate(self, server, session, envelope, mechanism, data):
        good = data.login.decode() + ":" + data.password.decode() == self.arguments.auth
        if good:
            return AuthResult(success=True, auth_data=data)
        # A server that echoes what it was given: nothing of that may show up anywhere.
        return AuthResult(
            success=False,
            handled=False,
            message="535 5.7.8 wrong password " + data.password.decode(),
        )


def read_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", choices=["StartTLS", "Implicit", "None"], required=True)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--auth", help="user:password")
    parser.add_argument("--mails", required=True)
    return parser.parse_args()


async def serve(arguments):
    context = None
    if arguments.tls != "None":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
    starttls = context if arguments.tls == "StartTLS" else None
    script = Script(arguments)

    def session():
        return SMTP(
            script,
            hostname="test.invalid",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=script.authenticate if arguments.auth else None,
            auth_required=bool(arguments.auth),
            auth_require_tls=arguments.tls == "StartTLS",
            enable_SMTPUTF8=arguments.tls == "StartTLS",
        )

    server = await asyncio.get_running_loop().create_server(
        session, "127.0.0.1", 0, ssl=context if arguments.tls == "Implicit" else None
    )
    print("port", server.sockets[0].getsockname()[1], flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


async def main():
    await serve(read_arguments())


asyncio.run(main())
