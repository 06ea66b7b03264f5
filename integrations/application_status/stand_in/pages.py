"""What only the stand-in has: a page that shows its applicants, with a button for what happens next to each."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from ipaddress import ip_address
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from integrations.application_status.stand_in.office import Clock, Office
from integrations.application_status.stand_in.records import Applicant, Application, Records
from integrations.application_status.stand_in.story import next_step

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Invented applicants</title>
<style>body {{ font: 1rem sans-serif; margin: 2rem }} td, th {{ padding: .4rem 1rem; text-align: left }}</style>
<h1>Invented applicants</h1>
<p>A stand-in for DreamApply: nobody here exists. “Saved” is what the office has prepared and the applicant must not
learn; “sent” is what was sent out.</p>
<table><tr><th>E-mail</th><th>Name</th><th>Applications</th><th>What happens next</th></tr>{rows}</table></html>"""
BUTTON = """<form method="post" action="/stand-in/next"><input type="hidden" name="email" value="{email}">
<button>{says}</button></form>"""


def build_pages(records: Records, office: Office, clock: Clock) -> Sequence[Route]:
    async def home(request: Request) -> Response:
        return HTMLResponse(PAGE.format(rows="".join(map(row, records.applicants.values()))))

    async def play(request: Request) -> Response:
        """One step of the story of an applicant; says what happened."""
        if request.client is None or not ip_address(request.client.host).is_loopback:
            return PlainTextResponse("Only from this machine", 403)
        email = parse_qs((await request.body()).decode()).get("email", [""])[0]
        try:
            applicant = records.applicant(email)
        except KeyError:
            return PlainTextResponse("No invented applicant has this address", 404)
        step = next_step(records, office, clock, applicant)
        if step:
            step.play()
        if "text/html" in request.headers.get("Accept", ""):
            return RedirectResponse("/", 303)
        return PlainTextResponse(step.says if step else "Nothing more happens here")

    def row(applicant: Applicant) -> str:
        step = next_step(records, office, clock, applicant)
        cells = [
            escape(applicant.email),
            escape(f"{applicant.given} {applicant.family}"),
            "<br>".join(escape(_describe(records, each)) for each in records.applications_of(applicant.id)),
            BUTTON.format(email=escape(applicant.email), says=escape(step.says)) if step else "–",
        ]
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"

    return [Route("/", home), Route("/stand-in/next", play, methods=["POST"])]


def _describe(records: Records, application: Application) -> str:
    parts = [application.status]
    for offer in application.offers:
        sent = offer.type_confirmed.title if offer.confirmed else "nothing"
        course = records.courses[offer.course].name
        parts.append(f"{course}: saved {offer.type.title}, sent {sent}, decision {offer.decision}")
    if application.open_tasks:
        parts.append("to do: " + ", ".join(task.kind for task in application.open_tasks))
    return "; ".join(parts)
