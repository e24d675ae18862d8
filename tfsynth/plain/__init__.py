"""Plain data, as files hold it: read from YAML within bounds, written, and checked by kind."""

from tfsynth.plain.kinds import check_kind as check_kind
from tfsynth.plain.kinds import kind_of as kind_of
from tfsynth.plain.kinds import shown as shown
from tfsynth.plain.kinds import takes_object as takes_object
from tfsynth.plain.kinds import words_of as words_of
from tfsynth.plain.reader import YamlError as YamlError
from tfsynth.plain.reader import read_yaml as read_yaml
from tfsynth.plain.reader import read_yaml_file as read_yaml_file
from tfsynth.plain.reader import write_yaml as write_yaml
