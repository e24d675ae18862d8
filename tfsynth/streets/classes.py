"""The classes of the drawn streets: names, colours for display, and which are void.

Ids are positions in `CLASS_NAMES`. A *thing* has instance ids `class_id * 1000 + k`; stuff (sky,
road, ...) has its class id as its instance id, the convention of Cityscapes (arXiv 1604.01685).
"""

CLASS_NAMES = (
    "void",
    "sky",
    "building",
    "road",
    "pavement",
    "lane_mark",
    "tree",
    "grass",
    "car",
    "bus",
    "person",
    "pole",
    "traffic_sign",
    "fence",
)
CLASS_COLOURS = (
    (0, 0, 0),
    (70, 130, 180),
    (90, 80, 90),
    (128, 64, 128),
    (244, 35, 232),
    (255, 255, 255),
    (60, 130, 40),
    (152, 230, 130),
    (20, 40, 190),
    (0, 160, 170),
    (220, 20, 60),
    (190, 170, 120),
    (250, 220, 0),
    (200, 110, 60),
)
VOID_IDS = (0,)
(
    VOID,
    SKY,
    BUILDING,
    ROAD,
    PAVEMENT,
    LANE_MARK,
    TREE,
    GRASS,
    CAR,
    BUS,
    PERSON,
    POLE,
    TRAFFIC_SIGN,
    FENCE,
) = range(len(CLASS_NAMES))
THINGS = (BUILDING, TREE, CAR, BUS, PERSON, POLE, TRAFFIC_SIGN, FENCE)
INSTANCES_PER_CLASS = 1000
