#pragma once
// The names without a width are macros, which Swift does not import: Swift uses those that end in _8.
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
