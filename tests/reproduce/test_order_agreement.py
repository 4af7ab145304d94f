from pix2pix_tf.reproduce.tables import Agreement, order_agreement


def test_pairs_in_the_papers_order():
    assert order_agreement([0.1, 0.2, 0.3], [5, 6, 7]) == Agreement(3, 3)
    assert order_agreement([0.1, 0.2, 0.3], [5, 7, 6]) == Agreement(2, 3)
    assert order_agreement([0.3, 0.2, 0.1], [5, 6, 7]) == Agreement(0, 3)


def test_what_the_paper_scores_equally_has_no_order():
    assert order_agreement([0.17, 0.17, 0.10], [1, 9, 0]) == Agreement(2, 2)


def test_equal_here_and_not_there_is_no_agreement():
    assert order_agreement([0.1, 0.2], [4, 4]) == Agreement(0, 1)
