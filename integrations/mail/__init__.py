"""Letters to people outside Telegram: a need, a stand-in that prints them, and any SMTP server.

`send` either hands the letter to somebody who answers for its delivery, or raises: Unavailable when
trying again later may help, Refused when it will not.
"""

from integrations.mail.letter import Letter, Mail, Refused, Unavailable
from integrations.mail.printed import PrintedMail
from integrations.mail.smtp import SmtpMail, SmtpServer, read_server

__all__ = ["Letter", "Mail", "PrintedMail", "Refused", "SmtpMail", "SmtpServer", "Unavailable", "read_server"]
