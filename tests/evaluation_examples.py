"""A small evaluation for tests of the report."""

from typing import Any

from seq2seq.evaluation.report import Report, build_report

SOURCES = [
    "eins",
    "a b c d e f",
    "",
    "a b c d e f g h i j k",
    "zwei",
    "w " * 50 + "w",
]
REFERENCES = [
    "one",
    "A b c d e x",
    "nothing",
    "a b c d e f g h i j k",
    "two",
    "the long one is here",
]
HYPOTHESES = [
    "one",
    "a b c d e x",
    "",
    "a b c d z f g h i j k",
    "two",
    "the long one was here",
]


# Each hypothesis has one wrong word. 13a takes each of these lines for one or two tokens.
UNSPACED_REFERENCES = {
    "ja": ["私は大きい椅子を見ました。", "私は古い時計を探しています。"],
    "zh": ["我昨天在公园里看见了一只狗。", "他明天要去北京的学校上课。"],
    "ko": ["나는어제큰의자를보았습니다.", "나는오래된시계를찾고있습니다."],
    "th": ["ฉันเห็นเก้าอี้ตัวใหญ่เมื่อวานนี้", "เขากำลังมองหานาฬิกาเก่าของเขา"],
    "km": ["ខ្ញុំបានឃើញកៅអីធំមួយ", "គាត់កំពុងរកមើលនាឡិកាចាស់"],
    "lo": ["ຂ້ອຍເຫັນຕັ່ງໃຫຍ່", "ລາວກຳລັງຊອກຫາໂມງເກົ່າ"],
    "my": ["ငါကြီးမားသောကုလားထိုင်ကိုမြင်ခဲ့သည်", "သူသည်နာရီဟောင်းကိုရှာနေသည်"],
}
UNSPACED_HYPOTHESES = {
    "ja": ["私は小さい椅子を見ました。", "私は古い時計を買いました。"],
    "zh": ["我昨天在公园里看见了一只猫。", "他明天要去上海的学校上课。"],
    "ko": ["나는어제큰책을보았습니다.", "나는오래된시계를샀습니다."],
    "th": ["ฉันเห็นเก้าอี้ตัวเล็กเมื่อวานนี้", "เขากำลังมองหานาฬิกาใหม่ของเขา"],
    "km": ["ខ្ញុំបានឃើញកៅអីតូចមួយ", "គាត់កំពុងរកមើលនាឡិកាថ្មី"],
    "lo": ["ຂ້ອຍເຫັນຕັ່ງນ້ອຍ", "ລາວກຳລັງຊອກຫາໂມງໃໝ່"],
    "my": ["ငါသေးငယ်သောကုလားထိုင်ကိုမြင်ခဲ့သည်", "သူသည်နာရီအသစ်ကိုရှာနေသည်"],
}


def example_report(**options: Any) -> Report:
    """Builds a report on 6 sentences. `options` are those of `build_report`."""
    settings = {"seconds": 2.0, "bootstrap": 50} | options
    return build_report(SOURCES, HYPOTHESES, [REFERENCES], **settings)
