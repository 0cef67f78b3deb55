"""Sentences made by hand to see what is taken out of texts: what must go by kind, and what must stay. All invented."""

# (text, what of it must go)
POSITIVE: dict[str, tuple[tuple[str, str], ...]] = {
    "email": (
        ("Write to anna.k+forum@example.org, please.", "anna.k+forum@example.org"),
        ("mail: OTTO_WEBER@mail.example.co.uk", "OTTO_WEBER@mail.example.co.uk"),
        ("It is jo(at)example.org, no spaces.", "jo(at)example.org"),
        ("Reach me under lena-m@sub.example.de!", "lena-m@sub.example.de"),
        ("bob at example dot com, you know how to read it", "bob at example dot com"),
        ("écrivez à zoé@exemple.fr", "zoé@exemple.fr"),
    ),
    "url": (
        ("See https://example.org/people/anna-k?x=1 for more.", "https://example.org/people/anna-k?x=1"),
        ("It is on www.example.org/forum", "www.example.org/forum"),
        ("(http://example.net)", "http://example.net"),
        ("my page is example.org/anna", "example.org/anna"),
    ),
    "account": (
        ("IBAN DE89 3704 0044 0532 0130 00, thanks", "DE89 3704 0044 0532 0130 00"),
        ("to GB82WEST12345698765432 by Friday", "GB82WEST12345698765432"),
        ("FR14 2004 1010 0505 0001 3M02 606", "FR14 2004 1010 0505 0001 3M02 606"),
    ),
    "card": (
        ("my card 4111 1111 1111 1111 was refused", "4111 1111 1111 1111"),
        ("5500-0000-0000-0004", "5500-0000-0000-0004"),
        ("number 340000000000009 it was", "340000000000009"),
    ),
    "machine": (
        ("the spam came from 192.168.2.14 again", "192.168.2.14"),
        ("log: 2001:db8::8a2e:370:7334 denied", "2001:db8::8a2e:370:7334"),
        ("ping 8.8.8.8.", "8.8.8.8"),
    ),
    "phone": (
        ("Call +49 30 901820 after six.", "+49 30 901820"),
        ("ring me on +44 20 7946 0321", "+44 20 7946 0321"),
        ("+1 (212) 555-0187", "+1 (212) 555-0187"),
        ("WhatsApp: +254 712 345678", "+254 712 345678"),
        ("London office 020 7946 0018", "020 7946 0018"),
        ("my mobile is 07400 123456", "07400 123456"),
        ("phone 030 901820, the German way", "030 901820"),
    ),
    "handle": (
        ("ask @anna_k about it", "@anna_k"),
        ("posted by u/gardener_42 yesterday", "u/gardener_42"),
        ("thanks @Jonas.Weil!", "@Jonas.Weil"),
        ("cc @bea", "@bea"),
    ),
    "name": (
        ("I agree with Ottilie Brandt on this.", "Ottilie Brandt"),
        ("Marek's hens are loud.", "Marek"),
        ("Frau Brandt hat recht.", "Brandt"),
        ("My neighbour Petra said the same.", "Petra"),
        ("ottilie is right", "ottilie"),
    ),
}
NAMES = ("Ottilie Brandt", "Marek Nowak")
"""Those that the scrubber is told, as it would be by the authors of a dump."""
REGIONS = ("GB",)

NEGATIVE = (
    "In 2021 about 1,500 people voted, 45-32 in favour.",
    "The meeting is at 12:30 on 03/05/2025.",
    "Version 2.4.1.9 of the rules, paragraph 3.2.1.",
    "Paragraph 12.5.3 was changed from 1:2 to 3:4.",
    "It cost 1 250 000 kroner in 1998 and 2 400 000 in 2019.",
    "We won 3:2 and lost 0:7.",
    "ISBN 978-3-16-148410-0 is on my shelf.",
    "I am 100 % sure, @ least nearly.",
    "The ratio was 16:9 or so; order 4000123.",
    "Between 1914 and 1918, 1939 and 1945.",
    "Brandy and nowadays are words, not names.",
    "Take the 7:45 or the 8:15, platform 3.",
    "Room 2.10, building 4, second floor.",
    "Population: 83 149 300 (2019), 83 155 031 (2020).",
    "The e-mail never came. At home we wait.",
    "a/b tests and u-turns and w/o sugar",
    "Reference number 2023/114/B.",
    "10.5.2024 and 11.5.2024 are Fridays, more or less.",
)
