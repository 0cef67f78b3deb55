// What the page says of voices: how faithful each was measured to be, its card, the people's answers beside its own.
"use strict";

const MOST = 4;
const NAMES = { wasserstein: "Wasserstein distance", total_variation: "total variation", js_distance: "Jensen-Shannon distance" };

/** An element with attributes and children; text is only ever text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") for (const [key, each] of Object.entries(value)) element.style.setProperty(key, each);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const three = (number) => (number === null || number === undefined ? "–" : number.toFixed(3));
const percent = (share) => `${Math.round(share * 100)} %`;
const whom = (voice) => (voice.collective ? voice.collective.name : "anybody");

/** A few words on a measurement: whether it is worse than its floor, and whether another draw of questions might say otherwise. */
function verdict(measured) {
  if (!measured || measured.distance.value === null) return { kind: "unknown", mark: "?", text: "Not measured" };
  const { low, high } = measured.distance, floor = measured.floors.uniform;
  const chance = low !== null && floor !== null && low < floor && floor < high ? ", perhaps by chance" : "";
  if (measured.below_floor) return { kind: "worse", mark: "▼", text: `Worse than its floor${chance}` };
  return { kind: "better", mark: "▲", text: `Closer than its floor${chance}` };
}

function badge(measured) {
  const found = verdict(measured);
  return make("span", { class: `verdict ${found.kind}` }, make("span", { "aria-hidden": "true" }, found.mark), ` ${found.text}`);
}

/** Distance on an axis from 0 (as the people are) to twice the floor or more, with the floor marked. */
function gauge(measured) {
  const most = Math.max(measured.distance.value, measured.distance.high || 0, measured.floors.uniform || 0) * 1.15 || 1;
  const at = (value) => `${Math.min(100, (100 * value) / most)}%`;
  const { low, high, value } = measured.distance;
  return make("div", { class: "gauge", "aria-hidden": "true" },
    low === null ? null : make("span", { class: "range", style: { left: at(low), width: `${(100 * (high - low)) / most}%` } }),
    measured.floors.uniform === null ? null : make("span", { class: "floor", style: { left: at(measured.floors.uniform) } }),
    make("span", { class: "dot", style: { left: at(value) } }));
}

/** Overall: what the strip says of a voice. ``open`` shows a voice's card. */
function overall(voice, open) {
  const found = voice.profile;
  if (voice.panel) return panelOf(voice, open);
  if (!voice.collective) return [make("p", { class: "soft" }, "Speaks for nobody in particular, so there are no people to be faithful to.")];
  if (!found) return [badge(null), make("p", { class: "soft" }, `Nobody knows how faithful it is to ${whom(voice)}.`)];
  return [
    badge(found), gauge(found),
    make("p", {}, `${three(found.distance.value)} from how ${whom(voice)} answered, over ${found.questions} questions; `
      + `uniform answers are ${three(found.floors.uniform)} away.`),
    make("p", { class: "soft" }, `Worth ${found.worth_people} random ${found.worth_people === "1" ? "person" : "people"} of theirs.`),
  ];
}

/** A panel: how it speaks, and how faithful each of its voices was measured to be. */
function panelOf(voice, open) {
  const { kind, pick, members } = voice.panel;
  const how = {
    distributional: "A panel: each word is drawn from all of these voices, by their weights.",
    steerable: `A panel: the voice that suits your group best answers alone, chosen by ${pick === "model" ? "the model" : "whom each declares to speak for"}.`,
    overton: "A panel: all of these voices answer, each part under its name.",
  }[kind];
  const own = voice.profile ? [badge(voice.profile), gauge(voice.profile)] : [];
  return [make("p", { class: "soft" }, how), ...own,
    make("ul", { class: "plain members", "aria-label": `Voices of ${voice.title}` }, ...members.map((member) => make("li", {},
      make("span", {}, make("button", { type: "button", class: "who", onclick: () => open(member.id), "aria-label": `Whose view is this? ${member.title}` }, member.title), kind === "distributional" ? make("span", { class: "soft" }, ` ${percent(member.weight)}`) : null),
      member.collective ? badge(member.profile) : make("span", { class: "soft" }, "nobody’s people"))))];
}

/** Who of a panel spoke, and why. */
function spokenBy(told) {
  if (!told || !told.chosen_by) return null;
  const names = told.voices.map((one) => one.title);
  const who = names.length === 1 ? names[0] : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}, in equal parts`;
  const why = { own: `who speaks for ${told.group}`, region: `of the region of ${told.group}`, model: `whom the model picked for ${told.group}` }[told.chosen_by];
  return make("p", { class: "by" }, "Answered by ", make("strong", {}, who), `, ${why}.`);
}

/** A part of a panel's reply without the marks that attribute it in plain text. */
function plainPart(part, titles) {
  const names = part.voices.map((id) => titles.get(id) || id).join(", ");
  let text = part.text.trim();
  if (text.startsWith(`**${names}**:`)) text = text.slice(names.length + 5);
  if (text.endsWith(`(${names})`)) text = text.slice(0, -names.length - 2);
  return { names, text: text.trim() };
}

/** On the topic being asked: what stands under a reply. */
function onTopic(voice, about) {
  if (!about || !about.topic) return null;
  if (about.members && !about.measured) {
    return make("div", { class: "faith" }, `On “${about.topic}”:`, make("ul", { class: "plain members" }, ...about.members.map((member) =>
      make("li", {}, make("span", {}, member.title), badge(member.measured)))));
  }
  if (!voice.collective) return null;
  const measured = about.measured;
  if (!measured) {
    return make("p", { class: "faith" }, badge(null), ` on “${about.topic}”. Nobody knows how faithful this voice is here.`);
  }
  const found = verdict(measured);
  const interval = measured.distance.low === null ? "" : ` (between ${three(measured.distance.low)} and ${three(measured.distance.high)})`;
  return make("p", { class: `faith ${found.kind}` }, badge(measured),
    ` on “${measured.topic}”: ${three(measured.distance.value)}${interval} from how ${whom(voice)} answered, over ${measured.questions} `
    + `question${measured.questions === 1 ? "" : "s"}, uniform answers ${three(measured.floors.uniform)}.`
    + (measured.below_floor ? " Do not take it for their view." : ""));
}

/** The people's shares beside the voice's, as a table that is also a chart. */
function pollTable(polled, slot, title) {
  if (!polled.people && !polled.voice) return make("p", { class: "soft" }, "Neither the people nor the voice answered this question.");
  const most = Math.max(0.01, ...(polled.people ? polled.people.shares : []), ...(polled.voice ? polled.voice.shares : []));
  const bar = (share, kind) => make("td", { class: kind }, make("div", { class: "bar" },
    make("i", { style: { "--share": String(share / most) }, "aria-hidden": "true" }), make("span", {}, percent(share))));
  const rows = polled.question.options.map((option, place) => make("tr", {},
    make("th", { scope: "row" }, option),
    polled.people ? bar(polled.people.shares[place], "people") : null,
    polled.voice ? bar(polled.voice.shares[place], "own") : null));
  const distance = polled.distance === null ? "" : `${NAMES[polled.distance_name]} ${three(polled.distance)}; uniform answers ${three(polled.uniform_distance)}. `;
  const how = { run: "Measured in the voice's poll.", now: "Asked just now, in two orders of the options.", "not asked": "This voice cannot be polled." }[polled.how];
  const outside = polled.voice && polled.voice.outside > 0.005 ? ` ${percent(polled.voice.outside)} of its probability lay on no option and is left out.` : "";
  return make("div", { class: `v${slot}` },
    make("table", { class: "poll" },
      make("caption", {}, title),
      make("thead", {}, make("tr", {}, make("th", { scope: "col" }, "Answer"),
        polled.people ? make("th", { scope: "col" }, polled.people.who) : null, polled.voice ? make("th", { scope: "col" }, "This voice") : null)),
      make("tbody", {}, ...rows)),
    make("p", { class: "soft end" }, `${distance}${how}${outside}`));
}

function pairs(...entries) {
  return make("dl", {}, ...entries.filter(([, value]) => value).flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
}

/** Everything that is known of a voice. */
function cardOf(card, open) {
  const forWhom = card.collective ? card.collective.name : card.panel ? card.panel.members.map((one) => one.title).join(", ") : "nobody in particular";
  const parts = [make("p", {}, card.summary),
    pairs(["Name", make("code", {}, card.id)], [card.panel ? "A panel of" : "Speaks for", forWhom],
      ["Through", card.model], ["Adapter", card.adapter], ["Identity token", card.identity_token && make("code", {}, card.identity_token)],
      ["Licence", card.licence || "not stated"], ["Contact", card.contact], ["Defined in", card.origin])];
  if (card.system && !card.constitution) parts.push(make("h3", {}, "What the model is told"), make("pre", {}, card.system));
  if (card.constitution) {
    const own = card.constitution;
    parts.push(make("h3", {}, `Constitution: ${own.title}`),
      make("p", { class: "soft" }, [own.participants ? `${own.participants} people shaped it.` : "", own.licence, own.source].filter(Boolean).join(" ")),
      make("ol", {}, ...own.principles.map((one) => make("li", {}, `${one.context ? `${one.context}: ` : ""}${one.title}`,
        one.description ? make("small", {}, ` ${one.description}`) : null,
        one.people ? make("small", {}, ` (${one.people} people)`) : null, one.contested ? make("small", {}, " Contested.") : null))),
      make("details", {}, make("summary", {}, "What the model is told of it"), make("pre", {}, card.system)));
  }
  if (card.panel) {
    parts.push(make("h3", {}, "Who speaks"), ...panelOf({ ...card, profile: null }, open),
      make("p", { class: "soft" }, "Each of these voices has a card of its own: choose its name."));
  } else {
    parts.push(make("h3", {}, "Training data"), make("p", {}, card.training || "None: this voice is told whom to speak for, and was not trained."));
  }
  parts.push(make("h3", {}, "Sources"), card.sources.length
    ? make("ul", {}, ...card.sources.map((one) => make("li", {}, one.url && /^https?:/.test(one.url) ? make("a", { href: one.url, rel: "noreferrer", target: "_blank" }, one.title) : one.title,
      one.note ? ` ${one.note}` : "", one.licence ? make("small", {}, ` ${one.licence}`) : null)))
    : make("p", {}, "None are named."));
  parts.push(make("h3", {}, "How faithful it was measured to be"));
  if (!card.profiles.length) {
    parts.push(make("p", {}, "Nobody has measured it yet. Whoever runs this server can: ", make("code", {}, "pluralign poll"),
      " asks it a survey, and ", make("code", {}, "--run"), " shows here what came of it."));
  }
  for (const found of card.profiles) {
    const numbers = [[found.distance.value, "This voice"], [found.floors.uniform, "Uniform answers (floor)"],
      [found.floors.others, "The mean of the other peoples"], [found.floors.marginal, "All respondents together"]];
    parts.push(make("p", {}, badge(found), ` Over ${found.questions} questions of ${found.survey_title}; worth ${found.worth_people} random people of theirs.`),
      make("table", {}, make("caption", {}, `Mean ${NAMES[found.distance_name]} from the people, 0 to 1; smaller is closer`),
        make("tbody", {}, ...numbers.filter(([value]) => value !== null).map(([value, name]) => make("tr", {},
          make("th", { scope: "row" }, name), make("td", { class: "number" }, three(value)))))));
    if (found.topics.length) {
      parts.push(make("table", {}, make("caption", {}, "By topic"),
        make("thead", {}, make("tr", {}, ...["Topic", "Questions", "Distance", "Uniform", ""].map((name) => (name ? make("th", { scope: "col" }, name) : make("td", {}))))),
        make("tbody", {}, ...found.topics.map((one) => make("tr", {}, make("th", { scope: "row" }, one.topic),
          make("td", { class: "number" }, String(one.questions)), make("td", { class: "number" }, three(one.distance.value)),
          make("td", { class: "number" }, three(one.floors.uniform)), make("td", {}, badge(one)))))));
    }
    parts.push(make("p", { class: "soft" }, `Measured ${found.measured.slice(0, 10)} on ${found.model} as “${found.voice}”. ${found.method}`
      + (found.saw_the_answers ? " Its prompts had seen the measured answers: these numbers flatter it." : "")
      + " The poll asks the survey's questions; what the voice says in a longer conversation may differ."),
      make("p", { class: "soft" }, `${found.citation} ${found.licence}`));
  }
  return parts;
}
