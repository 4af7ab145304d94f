import numpy as np

from pix2pix_tf.images.sheets import GAP, make_sheet, pairs_sheet


def flat(value, channels=3, dtype=np.uint8, size=(20, 30)):
    return np.full((*size, channels), value, dtype)


def test_images_stand_where_they_should():
    rows = [(flat(10), flat(20), flat(30)), (flat(40), flat(50), flat(60))]
    sheet = make_sheet(("input", "output", "target"), rows)
    head = sheet.shape[0] - 2 * (20 + GAP)
    assert sheet.shape[1] == 3 * (30 + GAP) + GAP
    for row in (0, 1):
        for column in (0, 1, 2):
            top, left = head + row * (20 + GAP), GAP + column * (30 + GAP)
            window = sheet[top : top + 20, left : left + 30]
            assert np.unique(window).tolist() == [10 * (3 * row + column + 1)]
    assert sheet[:head].min() < 128  # headings are written


def test_headings_have_the_signs_that_names_have():
    def heading(text):
        return make_sheet([text], [[flat(255, size=(20, 90))]])[:20]

    missing = heading("1\ue0001")  # no font has it
    assert not np.array_equal(heading("1×1"), missing)
    assert not np.array_equal(heading("1é1"), missing)


def test_headings_wider_than_their_column_are_broken_into_lines():
    row = [[flat(255, size=(20, 130))] * 2]
    sheet = make_sheet(["Encoder-decoder (L1)", "Encoder-decoder (L1+cGAN)"], row)
    one_line = make_sheet(["Encoder-decoder", "target"], row)
    assert sheet.shape[0] > one_line.shape[0]
    between = sheet[:, GAP + 130 : GAP + 130 + GAP]  # nothing runs into the neighbour's
    assert (between == 255).all()


def test_rows_are_spread_over_the_pairs():
    seen = []

    def translate(image):
        seen.append(int(image[0, 0, 0]))
        return image

    pairs = [(flat(k), flat(k)) for k in range(11)]
    pairs_sheet(translate, pairs, 3)
    assert seen == [0, 5, 10]
    seen.clear()
    pairs_sheet(translate, pairs[:2], 6)
    assert seen == [0, 1]


def test_images_of_several_sizes_are_centred_in_rows_of_their_own_height():
    small, wide = flat(7, size=(10, 20)), flat(9, size=(30, 60))
    sheet = make_sheet(("input", "output"), [(small, small), (wide, wide)])
    head = sheet.shape[0] - (10 + 30 + 2 * GAP)
    assert sheet.shape[1] == 2 * (60 + GAP) + GAP
    for left in (GAP, GAP + 60 + GAP):
        assert (sheet[head : head + 10, left + 20 : left + 40] == 7).all()
        assert (sheet[head : head + 10, left : left + 20] == 255).all()
        assert (sheet[head + 10 + GAP :][:30, left : left + 60] == 9).all()


def test_larger_images_are_reduced_if_that_is_asked_for():
    pairs = [(flat(7, size=(40, 80)), flat(7, size=(40, 80)))]
    assert pairs_sheet(lambda image: image, pairs, 1).shape[1] == 3 * (80 + GAP) + GAP
    reduced = pairs_sheet(lambda image: image, pairs, 1, largest=32)
    assert reduced.shape[1] == 3 * (32 + GAP) + GAP
    assert (reduced[-16 - GAP : -GAP, GAP : GAP + 32] == 7).all()
