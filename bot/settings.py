"""The settings, from environment variables with the prefix BICIULIS_ and from `.env`.

Nothing else reads this process's environment. Each setting is described in docs/settings.md.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import DirectoryPath, Field, HttpUrl, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.intake.webhook import PATH, WebhookAddress
from integrations.database.address import read_address
from integrations.mail import read_server

LISTENER = "127.0.0.1:8080"  # where updates are received and nothing else is said


class WrongSettings(Exception):
    """Settings that are missing or make no sense; names all of them."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BICIULIS_", env_file=".env", env_ignore_empty=True, extra="ignore")

    data_dir: Path = Path("var")
    database_url: SecretStr = SecretStr("")  # empty: SQLite in data_dir
    key_file: Path | None = None  # None: in data_dir
    telegram_token: SecretStr = SecretStr("")
    telegram_base_url: str = "https://api.telegram.org/bot"
    telegram_base_file_url: str = "https://api.telegram.org/file/bot"
    telegram_per_second: Annotated[int, Field(ge=1)] = 30  # calls; Telegram allows more to those who pay
    webhook_url: str = ""  # empty: we ask Telegram for updates
    webhook_secret: SecretStr = SecretStr("")
    http_address: str = ""  # empty: 127.0.0.1:8080 where updates are received, otherwise nobody listens
    nlu_url: Annotated[tuple[HttpUrl, ...], NoDecode] = ()  # empty: Rasa servers of our own
    nlu_token: SecretStr = SecretStr("")
    nlu_processes: Annotated[int, Field(ge=1)] = 1  # of our own
    staff_chat: int | None = None
    staff_mail: str = ""  # empty: no letters to staff
    smtp_url: SecretStr = SecretStr("")  # empty: letters are printed
    mail_from: Annotated[str, Field(validate_default=True)] = ""
    dreamapply_url: HttpUrl | None = None  # None: applications for degree studies are not looked up
    dreamapply_key: Annotated[SecretStr, Field(validate_default=True)] = SecretStr("")
    dreamapply_webhook_secret: SecretStr = SecretStr("")  # empty: nobody rings, changes are looked for each minute
    mobility_files: DirectoryPath | None = None  # None: exchanges are not looked up
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("database_url")
    @classmethod
    def _check_address(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        return SecretStr(read_address(url).render_as_string(hide_password=False)) if url else value

    @field_validator("nlu_url", mode="before")
    @classmethod
    def _take_apart(cls, value: object) -> object:
        return value.split(",") if isinstance(value, str) else value

    @field_validator("webhook_url")
    @classmethod
    def _check_webhook(cls, value: str) -> str:
        if value and not re.fullmatch(rf"https?://[^/?#\s]+(/[^/?#\s]+)*{PATH}", value):
            raise ValueError(f"is no address that ends in {PATH}, for example https://bot.ktu.lt{PATH}")
        return value

    @field_validator("webhook_secret")
    @classmethod
    def _check_secret(cls, value: SecretStr) -> SecretStr:
        if value and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", value.get_secret_value()):
            raise ValueError("holds other signs than letters, digits, _ and -, or more than 256")
        return value

    @field_validator("http_address")
    @classmethod
    def _check_listener(cls, value: str) -> str:
        if value:
            read_listener(value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _check_mail_server(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value():
            read_server(value.get_secret_value())
        return value

    @field_validator("mail_from")
    @classmethod
    def _check_sender(cls, value: str, given: ValidationInfo) -> str:
        if "@" not in value and ("smtp_url" not in given.data or given.data["smtp_url"].get_secret_value()):
            raise ValueError("is the address that letters come from, needed with BICIULIS_SMTP_URL")
        return value

    @field_validator("dreamapply_key")
    @classmethod
    def _check_key(cls, value: SecretStr, given: ValidationInfo) -> SecretStr:
        if given.data.get("dreamapply_url") and not value.get_secret_value():
            raise ValueError("is the key that DreamApply's administrator gave out, needed with BICIULIS_DREAMAPPLY_URL")
        if not value.get_secret_value().isascii() or re.search(r'["\s]', value.get_secret_value()):
            raise ValueError("holds a space, a quotation mark or letters other than A to Z, which no key has")
        return value

    @field_validator("dreamapply_webhook_secret")
    @classmethod
    def _check_header(cls, value: SecretStr) -> SecretStr:
        if not re.fullmatch(r"[!-~]([ -~]*[!-~])?|", value.get_secret_value()):
            raise ValueError("is no value for the header Authorization: one line of signs of ASCII")
        return value

    @field_validator("staff_mail")
    @classmethod
    def _check_receiver(cls, value: str) -> str:
        if value and "@" not in value:
            raise ValueError("is no e-mail address")
        return value

    @property
    def database(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite+aiosqlite:///{self.data_dir.resolve()}/biciulis.sqlite"

    @property
    def keys(self) -> Path:
        """The file of the keys that seal what is stored of applicants."""
        return self.key_file or self.data_dir / "keys"

    @property
    def knows_applicants(self) -> bool:
        """Whether any system is named that knows where applicants stand."""
        return bool(self.dreamapply_url or self.mobility_files)

    def listener(self, *, receives: bool) -> tuple[str, int] | None:
        """Host and port to listen on, or None."""
        address = self.http_address or (LISTENER if receives else "")
        return read_listener(address) if address else None

    def require_webhook(self) -> WebhookAddress:
        """Where Telegram brings updates. Raises WrongSettings where something is missing."""
        secret = self.webhook_secret.get_secret_value()
        if not self.webhook_url or not secret:
            raise WrongSettings(
                "Set BICIULIS_WEBHOOK_URL to the address at which Telegram reaches us and BICIULIS_WEBHOOK_SECRET to "
                "a secret of your own, for example of `openssl rand -hex 32`."
            )
        return WebhookAddress(self.webhook_url, secret)

    def require_nlu_token(self) -> str:
        """By what a Rasa server of ours knows who may ask it. Raises WrongSettings where it is missing."""
        token = self.nlu_token.get_secret_value()
        if not token:
            raise WrongSettings(
                "Set BICIULIS_NLU_TOKEN to a secret of your own, for example of `openssl rand -hex 32`."
            )
        return token

    def require_token(self) -> str:
        """The bot's token. Raises WrongSettings where it is missing."""
        token = self.telegram_token.get_secret_value()
        if not token:
            raise WrongSettings("Set BICIULIS_TELEGRAM_TOKEN to the token that @BotFather gave you for the bot.")
        return token


def read_listener(address: str) -> tuple[str, int]:
    """The host and port of an address to listen on. Raises ValueError."""
    parts = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+):(\d{1,5})", address)
    if not parts or int(parts[2]) > 65535:
        raise ValueError("is no address to listen on, for example 127.0.0.1:8080 or [::1]:8080")
    return parts[1].strip("[]"), int(parts[2])


def read_settings() -> Settings:
    """The settings of this process. Raises WrongSettings naming every wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"BICIULIS_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors(include_url=False)]
        raise WrongSettings("\n".join(wrong)) from None
