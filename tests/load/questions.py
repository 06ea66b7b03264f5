"""Questions whose answers depend on nothing that is known of a person: the nth is understood as the nth topic."""

from __future__ import annotations

TOPICS = ("admission.fee", "admission.defer", "programmes.online", "programmes.ranking", "money.payment")
TOPICS += ("money.refund", "recognition.process", "recognition.credits", "visa.late", "permit.lost")
QUESTIONS = tuple(f"Question number {number}" for number in range(len(TOPICS)))
MEANINGS = {question: {topic: 0.95} for question, topic in zip(QUESTIONS, TOPICS, strict=True)}
