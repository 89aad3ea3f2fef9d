"""A paragraph is seen as one, and a menu word as one, in whatever script.

The paragraphs say the same in all languages.
"""

import numpy as np
import pytest

from linesift import load_model, read_text
from linesift.models.characters import END, LETTER, class_table
from linesift.models.features import LINE_FEATURES, line_features, word_hashes
from linesift.reading.page import Batch, Page

PARAGRAPHS = {
    "en": (
        "The old floating market opened to visitors again this morning, after two "
        "years of repairs. The mayor said that the work had cost forty million, half "
        "of it given by the people of the town. Sixty of the eighty shops are open, "
        "and the others wait for power."
    ),
    "th": (
        "ตลาดน้ำเก่าเปิดให้ประชาชนเข้าชมอีกครั้งเมื่อเช้าวันนี้ "
        "หลังจากปิดซ่อมแซมนานสองปี นายกเทศมนตรีกล่าวว่างานนี้ใช้เงินสี่สิบล้านบาท "
        "ครึ่งหนึ่งเป็นเงินบริจาคของชาวเมือง ร้านค้าหกสิบร้านจากแปดสิบร้านเปิดแล้ว "
        "ส่วนที่เหลือยังรอไฟฟ้า"
    ),
    "lo": (
        "ຕະຫຼາດນ້ຳເກົ່າເປີດໃຫ້ປະຊາຊົນເຂົ້າຊົມອີກຄັ້ງໃນເຊົ້າມື້ນີ້ "
        "ຫຼັງຈາກປິດສ້ອມແປງເປັນເວລາສອງປີ ເຈົ້າເມືອງກ່າວວ່າວຽກນີ້ໃຊ້ເງິນສີ່ສິບລ້ານ "
        "ເຄິ່ງໜຶ່ງແມ່ນເງິນບໍລິຈາກຂອງຊາວເມືອງ ຮ້ານຄ້າຫົກສິບຮ້ານຈາກແປດສິບຮ້ານເປີດແລ້ວ "
        "ສ່ວນທີ່ເຫຼືອຍັງລໍຖ້າໄຟຟ້າ"
    ),
    "my": (
        "ရေပေါ်ဈေးဟောင်းကို နှစ်နှစ်ကြာ ပြုပြင်ပြီးနောက် ယနေ့နံနက်တွင် "
        "ပြန်လည်ဖွင့်လှစ်ခဲ့သည်။ မြို့တော်ဝန်က ကုန်ကျငွေမှာ သန်းလေးဆယ်ရှိပြီး၊ "
        "ထက်ဝက်ကို မြို့သူမြို့သားများက လှူဒါန်းခဲ့သည်ဟု ပြောသည်။ ဆိုင်ရှစ်ဆယ်အနက် "
        "ခြောက်ဆယ်ဖွင့်ပြီးဖြစ်ကာ၊ ကျန်ဆိုင်များက လျှပ်စစ်မီးကို စောင့်နေသည်။"
    ),
    "km": (
        "ផ្សារបណ្ដែតទឹកចាស់បានបើកឱ្យភ្ញៀវចូលមើលម្ដងទៀតនៅព្រឹកនេះ "
        "បន្ទាប់ពីជួសជុលអស់រយៈពេលពីរឆ្នាំ។ "
        "អភិបាលក្រុងបាននិយាយថាការងារនេះចំណាយអស់សែសិបលាន "
        "ដែលពាក់កណ្ដាលជាអំណោយរបស់អ្នកក្រុង។ ហាងហុកសិបក្នុងចំណោមប៉ែតសិបបានបើកហើយ "
        "ហើយហាងដែលនៅសល់កំពុងរង់ចាំភ្លើង។"
    ),
    "hi": (
        "पुराना तैरता बाज़ार दो साल की मरम्मत के बाद, आज सुबह फिर से लोगों के लिए खुल "
        "गया। नगर प्रमुख ने कहा कि काम पर चार करोड़ रुपये लगे, जिनमें से आधे शहर के "
        "लोगों ने दिए। अस्सी में से साठ दुकानें खुल चुकी हैं, और बाकी बिजली का इंतज़ार "
        "कर रही हैं।"
    ),
    "ar": (
        "فتح السوق العائم القديم أبوابه للزوار من جديد صباح اليوم، بعد عامين من أعمال "
        "الترميم. وقال رئيس البلدية إن العمل كلف أربعين مليونا، تبرع أهل المدينة "
        "بنصفها. وفتحت ستون دكانا من ثمانين، وما زالت البقية تنتظر الكهرباء."
    ),
    "am": (
        "የድሮው ተንሳፋፊ ገበያ ከሁለት ዓመት ጥገና በኋላ፣ ዛሬ ጠዋት ለጎብኚዎች እንደገና ተከፈተ። ከንቲባው ሥራው አርባ ሚሊዮን "
        "ብር እንደፈጀ፣ ግማሹንም የከተማው ሕዝብ እንደሰጠ ተናገሩ። ከሰማንያ ሱቆች ስልሳዎቹ ተከፍተዋል፣ ሌሎቹ ኤሌክትሪክ "
        "ይጠብቃሉ።"
    ),
    "hy": (
        "Հին լողացող շուկան այս առավոտ կրկին բացվեց այցելուների համար, երկու տարվա "
        "նորոգումից հետո։ Քաղաքապետն ասաց, որ աշխատանքն արժեցել է քառասուն միլիոն, որի "
        "կեսը տվել են քաղաքի բնակիչները։ Ութսուն խանութներից վաթսունը բաց են, իսկ "
        "մյուսները սպասում են հոսանքի։"
    ),
    "ka": (
        "ძველი მცურავი ბაზარი დღეს დილით კვლავ გაიხსნა სტუმრებისთვის, ორწლიანი "
        "შეკეთების შემდეგ. მერმა თქვა, რომ სამუშაო ორმოცი მილიონი დაჯდა, ნახევარი კი "
        "ქალაქის ხალხმა გაიღო. ოთხმოციდან სამოცი მაღაზია ღიაა, დანარჩენი კი დენს "
        "ელოდება."
    ),
    "zh": (
        "旧水上市场经过两年维修，今天早上重新向游客开放。市长说，工程花费四千万，其中一半由市民捐赠。八十家店铺中已有六十家开业，其余的还在等待供电。"
    ),
}
MENU = {
    "en": "Sport",
    "th": "กีฬา",
    "lo": "ກິລາ",
    "my": "အားကစား",
    "km": "កីឡា",
    "hi": "खेल",
    "ar": "رياضة",
    "am": "ስፖርት",
    "hy": "Սպորտ",
    "ka": "სპორტი",
    "zh": "体育",
}
LANGUAGES = [language for language in PARAGRAPHS if language != "en"]
UNSPACED = ("th", "lo", "my", "km")
CASELESS = [language for language in LANGUAGES if language not in ("hy", "zh")]


def columns(*lines: str) -> dict[str, np.ndarray]:
    batch = Batch.from_pages([Page("p", lines, tuple(range(len(lines))))])
    return dict(zip(LINE_FEATURES, line_features(batch).T, strict=True))


def test_english_is_as_a_person_counts():
    seen = columns(PARAGRAPHS["en"], MENU["en"])
    assert np.expm1(seen["log_words"]) == pytest.approx([48, 1])
    assert seen["sentence_ends"].tolist() == [3, 0]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_paragraph_looks_like_one_in_english(language):
    seen = columns(PARAGRAPHS["en"], PARAGRAPHS[language])
    for name, most in (("log_characters", 0.5), ("log_words", 0.5), ("sentence_ends", 1)):
        assert seen[name][1] == pytest.approx(seen[name][0], abs=most), name
    assert 3.4 <= seen["mean_word_length"][1] <= 6.5
    assert 0.05 <= seen["sentence_ends_per_word"][1] <= 0.11
    assert 0.01 <= seen["share_punctuation"][1] <= 0.05
    assert seen["commas_per_word"][1] <= 0.14
    assert seen["commas_per_word"][1] > 0 or language == "km"
    for name in ("ends_sentence", "ends_letter", "starts_upper", "starts_lower"):
        assert seen[name][1] == seen[name][0], name


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_word_of_a_menu_looks_like_one_in_english(language):
    seen = columns(MENU["en"], MENU[language])
    assert 0.5 <= np.expm1(seen["log_words"][1]) <= 1.5
    for name in ("sentence_ends", "commas_per_word", "share_punctuation", "ends_sentence"):
        assert seen[name][1] == 0, name
    assert seen["ends_letter"][1] == 1


@pytest.mark.parametrize("language", CASELESS)
def test_a_script_without_capitals_looks_neither_like_lower_case_nor_like_capitals(language):
    seen = columns(PARAGRAPHS["en"], PARAGRAPHS[language], MENU[language])
    assert 0.02 <= seen["share_capitalised"][1] <= 2 * seen["share_capitalised"][0]
    assert 0 < seen["share_upper"][1] <= 2 * seen["share_upper"][0]
    assert seen["share_capitalised"][2] == 1
    assert seen["starts_lower"].tolist() == [0, 0, 0]


def test_vowel_signs_and_tone_marks_are_no_characters_of_their_own():
    seen = columns("กก", "ก็ก่", "កក", "កីកើ", "ကက", "ကိကု")
    for first in (0, 2, 4):
        assert seen["log_characters"][first] == seen["log_characters"][first + 1]
        assert seen["log_words"][first] == seen["log_words"][first + 1]
    assert seen["ends_letter"].all()


def test_only_a_long_line_of_thai_ends_as_a_sentence_does():
    headline, sentence = "ตลาดน้ำ เปิดใหม่", PARAGRAPHS["th"]
    seen = columns(headline, sentence, sentence + ":", sentence + " (1)", sentence + "...")
    assert seen["ends_sentence"].tolist() == [0, 1, 0, 0, 1]
    assert seen["sentence_ends"][0] == 0 < seen["sentence_ends"][1]


def test_khmer_that_has_full_stops_has_no_other_sentence_ends():
    marked = PARAGRAPHS["km"]
    seen = columns(marked, marked.replace("។", " "))
    assert seen["sentence_ends"][0] == 3
    assert seen["ends_sentence"].tolist() == [1, 1]


@pytest.mark.parametrize("mark", "।॥؟۔։።፧။។៕།༎᠃᭞꩝。！？．")
def test_marks_of_all_scripts_end_sentences(mark):
    seen = columns(f"a b c{mark}", f"a b c{mark}”", f"„a b c{mark}“", f"»a b c{mark}«")
    assert seen["ends_sentence"].all()
    assert class_table()[ord(mark)] & END


def test_armenian_marks_of_question_stand_inside_a_word():
    assert np.expm1(columns("Ինչո՞ւ")["log_words"]) == pytest.approx(1)
    assert class_table()[ord("՞")] & LETTER


@pytest.mark.parametrize("language", UNSPACED)
def test_lines_that_speak_of_the_same_share_telling_words(language):
    paragraph = PARAGRAPHS[language]
    other = "th" if language != "th" else "lo"
    lines = (paragraph, paragraph[:40], PARAGRAPHS[other])
    values, at = word_hashes(Batch.from_pages([Page("p", lines, (1, 2, 3))]))
    words = [set(values[at == k].tolist()) for k in range(3)]
    assert len(words[1]) > 10
    assert words[1] <= words[0]
    assert not words[2] & words[0]
    assert (np.diff(at) >= 0).all()


@pytest.mark.parametrize("language", [*LANGUAGES, "en"])
def test_an_article_is_told_from_the_menu_around_it(language):
    sentences = [PARAGRAPHS[language]] * 2
    menu = [MENU[language]] * 4
    page = read_text("\n".join([*menu, *sentences, *menu]))
    (prediction,) = load_model().predict_lines([page])
    assert (
        prediction.probabilities[4:6].min()
        > prediction.probabilities[[*range(4), *range(6, 10)]].max()
    )
