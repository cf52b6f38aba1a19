"""Where the thing is on a photograph: boxes that are suggested and never forced, and masks that blank the rest."""

from models_registry.regions.masked_encoder import MaskedEncoder
from models_registry.regions.own_map import OwnMapLocator, TapMapLocator, map_box
from models_registry.regions.region_networks import OnnxLocator, OnnxMasker, describe_region, region_file
from models_registry.regions.region_spec import REGION_OPTIONS, RegionKind, RegionSpec, region_options
from models_registry.regions.suggested_boxes import Locator, SuggestedBox, best_boxes, box_overlap

__all__ = [
    "REGION_OPTIONS",
    "Locator",
    "MaskedEncoder",
    "OnnxLocator",
    "OnnxMasker",
    "OwnMapLocator",
    "RegionKind",
    "RegionSpec",
    "SuggestedBox",
    "TapMapLocator",
    "best_boxes",
    "box_overlap",
    "describe_region",
    "map_box",
    "region_file",
    "region_options",
]
