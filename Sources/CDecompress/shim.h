#pragma once
#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
