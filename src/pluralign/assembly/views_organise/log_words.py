"""What the entries of the audit log are called."""

WORDS = {
    "assembly.create": "Made the assembly",
    "assembly.change": "Changed the settings",
    "phase.move": "Moved the phase",
    "question.save": "Changed a question",
    "question.open": "Opened a question",
    "question.close": "Closed a question",
    "context.save": "Changed a situation",
    "context.open": "Took a situation back in",
    "context.retire": "Retired a situation",
    "seed.save": "Changed a seed",
    "seed.show": "Showed a seed again",
    "seed.hide": "Hid a seed",
    "recruitment.save": "Changed a recruitment link",
    "team.invite": "Invited somebody",
    "team.accept": "Came into the team",
    "team.withdraw": "Withdrew an invitation",
    "team.role": "Changed a role",
    "team.leave": "Left the team",
    "team.transcripts": "Said who may read conversations",
    "quota.save": "Changed a group",
    "budget.change": "Changed the model's budget",
    "value.hold": "Held a card back",
    "value.accept": "Accepted a card",
    "value.hide": "Hid a card",
    "story.accept": "Accepted a story",
    "story.hide": "Hid a story",
    "reason.accept": "Accepted a reason",
    "reason.hide": "Hid a reason",
    "card.same": "An author said their card says the same as a value",
    "card.own": "An author said their card is a value of its own",
    "participation.erase": "Somebody deleted all that they gave",
    "transcript.read": "Read a conversation",
    "assembly.export": "Exported",
    "seeds.import": "Brought seeds from a file",
    "values.merge": "Merged values",
    "values.split": "Split a value",
}


def sentence(action: str) -> str:
    """What an action is called; its own name where nobody has named it."""
    return WORDS.get(action, action.replace(".", " "))
