"""Numbers of TIFF tags, and of the values of some of them."""


class Tag:
    """Numbers of TIFF tags."""

    subfile, width, height, bits, compression, photometric = 254, 256, 257, 258, 259, 262
    fill_order, description, orientation, samples, rows, planes = 266, 270, 274, 277, 278, 284
    strips, strip_bytes, tiles, tile_bytes = 273, 279, 324, 325
    t4, t6, predictor, colours, tile_width, tile_height = 292, 293, 317, 320, 322, 323
    sub_images, extra, sample_format, jpeg_tables, subsampling = 330, 338, 339, 347, 530
    depth, metamorph_planes = 32997, 33629


SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the first four bytes of a TIFF

REDUCED, MASK = 1, 4  # bits of NewSubfileType
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, YCBCR = 0, 1, 2, 3, 6  # PhotometricInterpretation
ASSOCIATED, UNASSOCIATED = 1, 2  # alpha, among ExtraSamples

# Compression
NONE, DEFLATE, JPEG, BILEVEL = (1,), (8, 32946), (7,), (2, 3, 4)
BY_LIBTIFF = {5: "LZW", 32773: "PackBits", 34925: "LZMA", 50000: "Zstandard"}  # to plain bytes
BY_IMAGECODECS = {  # by the package imagecodecs, an extra
    22610: "JPEG XR",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34712: "JPEG 2000",
    34887: "LERC",
    34926: "Zstandard",
    34927: "WebP",
    34933: "PNG",
    34934: "JPEG XR",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
