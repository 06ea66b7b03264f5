"""/link, /unlink, /notifications, /cancel and the buttons about a person's own application."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from telegram import Update
from telegram.ext import CallbackQueryHandler, CommandHandler

from bot.answering import answer, confirm_press
from bot.application.linking import find_link, set_tell_changes, unlink
from bot.context import App, Context, telegram_id
from bot.conversation.person import Person
from bot.conversation.speaker import STATUS
from bot.wishes import ask_to_come_in_private, carry_out, is_private, show_cases
from integrations.database import Session

Do = Callable[[Update, Context, Person], Coroutine[Any, Any, None]]


def register(app: App) -> None:
    app.add_handler(CommandHandler("link", in_private(show)))
    app.add_handler(CommandHandler("unlink", in_private(forget)))
    app.add_handler(CommandHandler("notifications", in_private(show_notifications)))
    app.add_handler(CommandHandler("cancel", cancel))
    app.add_handler(CallbackQueryHandler(in_private(show), pattern="^link:show$"))
    app.add_handler(CallbackQueryHandler(in_private(agree), pattern="^link:agree$"))
    app.add_handler(CallbackQueryHandler(in_private(show_missing), pattern="^link:missing$"))
    app.add_handler(CallbackQueryHandler(in_private(show_next), pattern="^link:next$"))
    app.add_handler(CallbackQueryHandler(in_private(tell_changes), pattern="^link:tell$"))
    app.add_handler(CallbackQueryHandler(in_private(stop_telling), pattern="^link:quiet$"))
    app.add_handler(CallbackQueryHandler(in_private(forget), pattern="^link:unlink$"))


def in_private(do: Do) -> Callable[[Update, Context], Coroutine[Any, Any, None]]:
    """What is only for the person's own eyes, where a system is connected at all."""

    async def handle(update: Update, context: Context) -> None:
        if update.callback_query:
            await confirm_press(update)
        person = await context.person(update)
        if context.services.applications is None:
            await answer(update, context, context.services.dialogue.speaker(person).act(STATUS))
        elif not is_private(update):
            await answer(update, context, ask_to_come_in_private(context, person))
        else:
            await do(update, context, person)

    return handle


async def show(update: Update, context: Context, person: Person) -> None:
    await carry_out(update, context, context.services.dialogue.speaker(person).offer_link())


async def agree(update: Update, context: Context, person: Person) -> None:
    await answer(update, context, context.services.dialogue.registrar(person).ask_address())


async def show_missing(update: Update, context: Context, person: Person) -> None:
    await show_cases(update, context, person, lambda registrar, looked, _: registrar.show_missing(looked.cases))


async def show_next(update: Update, context: Context, person: Person) -> None:
    await show_cases(update, context, person, lambda registrar, looked, _: registrar.show_next(looked.cases))


async def show_notifications(update: Update, context: Context, person: Person) -> None:
    await _choose_telling(update, context, person)


async def tell_changes(update: Update, context: Context, person: Person) -> None:
    await _choose_telling(update, context, person, on=True)


async def stop_telling(update: Update, context: Context, person: Person) -> None:
    await _choose_telling(update, context, person, on=False)


async def _choose_telling(update: Update, context: Context, person: Person, on: bool | None = None) -> None:
    """Show whether the person is told of changes, or change it; None leaves it as it is."""
    async with context.services.database.read() as session:
        link = await find_link(session, telegram_id(update))
    if link is None:
        await show(update, context, person)
        return
    on = link.tell_changes if on is None else on

    async def write(session: Session) -> None:
        await set_tell_changes(session, telegram_id(update), on)

    await answer(update, context, context.services.dialogue.registrar(person).confirm_telling(on), first=write)


async def forget(update: Update, context: Context, person: Person) -> None:
    async def write(session: Session) -> None:
        await unlink(session, telegram_id(update))

    await answer(update, context, context.services.dialogue.registrar(person).confirm_unlink(), first=write)


async def cancel(update: Update, context: Context) -> None:
    person = await context.person(update)
    await answer(update, context, context.services.dialogue.press("menu", person))
