# Puts the front end into the program: app.js and what it imports linked into one module, each file
# made small and compressed, a table of them, and index.html made of its template. Run by the
# build (controller/CMakeLists.txt), and by hack/check-portal.sh and tests, which look at OUT/*.gz:
#   cmake -DSOURCE=portal -DOUT=DIR -P portal/embed.cmake
# In index.html.in, @ASSETS@ is the prefix of all other files. vendor/VERSIONS ("package NAME
# VERSION LICENCE …") becomes the table of licences. The sources run in a browser as they are
# (--portal-assets); nothing here changes what they do.
cmake_minimum_required(VERSION 3.25)
find_program(ESBUILD esbuild REQUIRED)
find_program(MINIFY minify REQUIRED)
find_program(ZOPFLI zopfli REQUIRED)

set(types html "text/html\\; charset=utf-8" js "text/javascript\\; charset=utf-8"
          css "text/css\\; charset=utf-8" svg image/svg+xml png image/png ico image/x-icon)
file(GLOB files RELATIVE ${SOURCE} ${SOURCE}/*.svg ${SOURCE}/*.png ${SOURCE}/*.ico)

# Properties that Preact and the pages call their own: on no object of the browser, of the server or
# in localStorage is one of these names used, and no source has one in quotes (hack/check-portal.sh
# looks).
set(ours
  __.? act actions area automatic back begin busy change creating deeds dirty documentTitle doing
  drop emptyTitle errors fixed footer general guard heads heard hide icon inputs label
  legend lines loaded make marks mayClose of onChoose onClose onEdit onKeys onMade onOpen onPick
  onPress onValue over own ownClass parts pick picked query row run save sealed selection setError
  shown side since slots still tabs text tint todo touched verdicts wantsValue what whose why wide)
list(JOIN ours "|" ours)

# minify gives names to variables function by function, which esbuild does not.
function(make_small name)
  execute_process(COMMAND ${MINIFY} --html-keep-quotes --output ${OUT}/${name}.small ${OUT}/${name}
                  COMMAND_ERROR_IS_FATAL ANY ERROR_QUIET)
  file(RENAME ${OUT}/${name}.small ${OUT}/${name})
endfunction()

# --- one module and one sheet, beside the icon
foreach(name IN LISTS files)
  configure_file(${SOURCE}/${name} ${OUT}/${name} COPYONLY)
endforeach()
list(APPEND files app.js app.css)
list(SORT files)
execute_process(COMMAND ${ESBUILD} ${SOURCE}/app.js ${SOURCE}/app.css --outdir=${OUT}
                        --bundle --minify --format=esm --target=es2022 --charset=utf8
                        --legal-comments=none --log-level=warning "--mangle-props=^(${ours})$"
                COMMAND_ERROR_IS_FATAL ANY)
make_small(app.js)
make_small(app.css)

# Custom properties that the sheet declares get names of one letter; the pages set others by name.
file(READ ${OUT}/app.css sheet)
string(REGEX MATCHALL "--[a-z][a-z0-9-]+:" declared "${sheet}")
list(REMOVE_DUPLICATES declared)
set(letters a b c d e f g h i j k l m n o p q r s t u v w x y z A B C D E F G H I J K L M)
foreach(letter IN LISTS letters)
  list(POP_FRONT declared name)
  if(NOT name)
    break()
  endif()
  string(REPLACE ":" "" name "${name}")
  string(REGEX REPLACE "${name}([^a-z0-9-])" "--${letter}\\1" sheet "${sheet}")
endforeach()
file(WRITE ${OUT}/app.css "${sheet}")

# --- the prefix: a hash over names and contents
set(sums "")
foreach(name IN LISTS files)
  file(SHA256 ${OUT}/${name} sum)
  string(APPEND sums "${name} ${sum}\n")
endforeach()
string(SHA256 all "${sums}")
string(SUBSTRING ${all} 0 16 all)
set(prefix "/_/${all}")
file(READ ${SOURCE}/index.html.in index)
string(REPLACE "@ASSETS@" "${prefix}" index "${index}")
file(WRITE ${OUT}/index.html "${index}")
make_small(index.html)

# --- compress, and write the table
set(assembly "")
set(declarations "")
set(rows "")
set(number 0)
foreach(name IN LISTS files ITEMS index.html)
  execute_process(COMMAND ${ZOPFLI} --i100 -c ${OUT}/${name} OUTPUT_FILE ${OUT}/${name}.gz
                  COMMAND_ERROR_IS_FATAL ANY)
  file(SHA256 ${OUT}/${name} sum)
  get_filename_component(ending ${name} LAST_EXT)
  string(SUBSTRING ${ending} 1 -1 ending)
  list(FIND types ${ending} at)
  math(EXPR at "${at} + 1")
  list(GET types ${at} type)
  set(begin apitoken_asset_${number})
  set(end ${begin}_end)
  string(APPEND assembly "    \".globl ${begin}\\n${begin}:\\n\"\n"
                         "    \".incbin \\\"${OUT}/${name}.gz\\\"\\n\"\n"
                         "    \".globl ${end}\\n${end}:\\n.byte 0\\n\"\n")
  string(APPEND declarations "extern const char ${begin}[], ${end}[];\n")
  string(APPEND rows "      {\"${name}\", \"${type}\", between(${begin}, ${end}),\n"
                     "       \"${sum}\"},\n")
  math(EXPR number "${number} + 1")
endforeach()
set(licences "")
if(EXISTS ${SOURCE}/vendor/VERSIONS)
  file(STRINGS ${SOURCE}/vendor/VERSIONS lines REGEX "^package ")
  foreach(line IN LISTS lines)
    separate_arguments(words UNIX_COMMAND "${line}")
    list(GET words 1 name)
    list(GET words 2 version)
    list(GET words 3 licence)
    string(APPEND licences "      {\"${name}\", \"${version}\", \"${licence}\"},\n")
  endforeach()
endif()
file(WRITE ${OUT}/embedded_assets.cpp "// Generated by portal/embed.cmake.
#include <array>
#include <vector>

#include \"portal/assets.hpp\"

__asm__(
    \".pushsection .rodata\\n\"
${assembly}    \".popsection\\n\");

extern \"C\" {
${declarations}}

namespace apitoken::portal {
namespace {

std::string_view between(const char* begin, const char* end) {
  return {begin, static_cast<std::size_t>(end - begin)};
}

}  // namespace

std::span<const Asset> embedded_assets() {
  static const std::array<Asset, ${number}> assets{{
${rows}  }};
  return assets;
}

std::span<const Licence> embedded_licences() {
  static const std::vector<Licence> licences{
${licences}  };
  return licences;
}

std::string_view embedded_prefix() { return \"${prefix}\"; }

}  // namespace apitoken::portal
")
