"""The settings, from environment variables with the prefix BICIULIS_ and from `.env`.

Nothing else reads this process's environment. Each setting is described in docs/settings.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from integrations.database.address import read_address
from integrations.mail import read_server


class WrongSettings(Exception):
    """Settings that are missing or make no sense; names all of them."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BICIULIS_", env_file=".env", env_ignore_empty=True, extra="ignore")

    data_dir: Path = Path("var")
    database_url: SecretStr = SecretStr("")  # empty: SQLite in data_dir
    telegram_token: SecretStr = SecretStr("")
    telegram_base_url: str = "https://api.telegram.org/bot"
    telegram_base_file_url: str = "https://api.telegram.org/file/bot"
    nlu_url: str = ""  # empty: a Rasa server of our own
    nlu_token: SecretStr = SecretStr("")
    staff_chat: int | None = None
    staff_mail: str = ""  # empty: no letters to staff
    smtp_url: SecretStr = SecretStr("")  # empty: letters are printed
    mail_from: Annotated[str, Field(validate_default=True)] = ""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("database_url")
    @classmethod
    def _check_address(cls, value: SecretStr) -> SecretStr:
        url = value.get_secret_value()
        return SecretStr(read_address(url).render_as_string(hide_password=False)) if url else value

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

    @field_validator("staff_mail")
    @classmethod
    def _check_receiver(cls, value: str) -> str:
        if value and "@" not in value:
            raise ValueError("is no e-mail address")
        return value

    @property
    def database(self) -> str:
        return self.database_url.get_secret_value() or f"sqlite+aiosqlite:///{self.data_dir.resolve()}/biciulis.sqlite"

    def require_token(self) -> str:
        """The bot's token. Raises WrongSettings where it is missing."""
        token = self.telegram_token.get_secret_value()
        if not token:
            raise WrongSettings("Set BICIULIS_TELEGRAM_TOKEN to the token that @BotFather gave you for the bot.")
        return token


def read_settings() -> Settings:
    """The settings of this process. Raises WrongSettings naming every wrong variable."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = [f"BICIULIS_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors(include_url=False)]
        raise WrongSettings("\n".join(wrong)) from None
